"""A fresh store for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ticket_store.hub_case import Clock, opened, owes_source
from ticket_store.store import Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store_file(tmp_path: Path) -> Path:
    return tmp_path / "a store 100%.db"  # paths with spaces and signs are paths too


@pytest.fixture
async def store(store_file: Path, clock: Clock) -> AsyncIterator[Store]:
    """Every event of a ticket is owed to the peer that it came from."""
    async with opened(store_file, clock, owes=owes_source) as one:
        yield one
