"""Signing in and out. A locked or unknown name and a wrong password read the same."""
