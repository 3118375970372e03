"""Tests of the connectors: each peer folder has its payloads beside it."""
