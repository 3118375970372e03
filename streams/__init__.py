"""Faust processors: thin shells round pure functions."""
