"""Mirrors the packages; payloads lie beside their tests."""
