"""Pages for people and the JSON interface for programs, on aiohttp."""
