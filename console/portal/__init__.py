"""The citizens' side: what a web portal asks for them, see docs/api.md."""
