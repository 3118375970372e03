"""Tests of the demo: the city, the day, the settlement."""
