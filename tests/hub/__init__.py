"""Tests of settings, commands, processes and health."""
