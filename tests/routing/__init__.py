"""Tests of routing: catalogue, search, rules, duties, proposals."""
