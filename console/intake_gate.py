"""What an intake asks before it takes a body: the hub says whether it can."""


async def nothing_required() -> None:
    """Everything is taken."""
