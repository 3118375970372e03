"""Tests of the benchmarks: that they run, and that the kill loop can fail."""
