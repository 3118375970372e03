"""Tests of the provincial connector."""
