"""A database of its own on the server that SUTONG_TEST_DATABASE_URL names, dropped at the end."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

SERVER = os.environ.get("SUTONG_TEST_DATABASE_URL", "")


@asynccontextmanager
async def own_database(prefix: str) -> AsyncIterator[str]:
    """Its URL while the block runs; the test is skipped where there is no server."""
    if not SERVER:
        pytest.skip("SUTONG_TEST_DATABASE_URL names no server")
    name = f"{prefix}_{uuid.uuid4().hex}"
    admin = create_async_engine(SERVER, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    finally:
        async with admin.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        await admin.dispose()
