"""Scripts that set up, build and check a checkout; samples for running the hub."""
