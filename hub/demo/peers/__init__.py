"""Simulated peers: real servers on loopback that keep their own books and fail on purpose."""
