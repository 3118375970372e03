"""The citizens' web form: a portal that calls the hub's portal API and is told the state."""
