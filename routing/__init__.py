"""Which department a ticket belongs to; pure apart from reading its own model file."""
