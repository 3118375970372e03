"""Tests of the phone log connector."""
