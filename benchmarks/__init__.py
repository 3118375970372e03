"""One file a question; each prints its machine, date and result."""
