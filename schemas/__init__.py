"""The language that every part of the hub speaks: pydantic and the standard library only."""
