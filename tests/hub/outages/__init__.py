"""What the hub does while something that it needs is away, and that it needs no hand afterwards."""
