"""The assembly: the only package that may import all the others."""
