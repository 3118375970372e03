"""A proxy that makes a network bad on purpose, and the tests of the hub behind it."""
