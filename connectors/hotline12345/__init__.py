"""The city's 12345 platform (REST, JSON): polled for changed orders, and pushing some."""
