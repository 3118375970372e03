"""Brings a database up to date with alembic, configured here and not by a file."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ticket_store.engine import connect

_FOLDER = Path(__file__).parent


async def migrate(url: str) -> list[str]:
    """Apply what is pending, all in one transaction; returns the revisions applied, oldest first.

    A second process that migrates at the same time waits and then finds nothing to do.
    """
    database = connect(url)
    try:
        return await database.write(_upgrade)
    finally:
        await database.close()


async def pending(url: str) -> list[str]:
    """The revisions that `migrate` would apply, oldest first. Changes nothing."""
    database = connect(url)
    try:
        return await database.read(missing)
    finally:
        await database.close()


def missing(connection: Connection) -> list[str]:
    """The revisions that the database behind `connection` lacks, oldest first."""
    present = MigrationContext.configure(connection).get_current_revision()
    lacking = _scripts().iterate_revisions("head", present or "base")
    return [script.revision for script in lacking][::-1]


def _upgrade(connection: Connection) -> list[str]:
    to_apply = missing(connection)
    if to_apply:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return to_apply


def _config() -> Config:
    config = Config()
    # a % in the path would be read as an interpolation
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
