"""Tests of the stream processors and of the embedded broker."""
