"""The simulated peers: they must keep honest books, or no count of lost and doubled means much."""
