"""Call records of the phone switch: files in a folder, results written back into another."""
