"""Brings a database up to date with alembic, configured here and not by a file."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from schemas.errors import HubError, StoreBusy
from ticket_store.busy import busy_reason
from ticket_store.engine import Database, connect
from ticket_store.partitioning import partition

_FOLDER = Path(__file__).parent
UNFINISHED = "move-unfinished"  # the revision of a database that a store is being copied to


class StoreNotUsable(HubError):
    """The database is not a store of ours, or one of a newer program. Waiting will not help."""


def as_hub_error(error: Exception) -> HubError | None:
    """What an error at the opening of a store means; None when it means a mistake of ours."""
    if isinstance(error, HubError):
        return error
    if (reason := busy_reason(error)) is not None:
        return StoreBusy(reason)
    if isinstance(error, RevisionError | CommandError):
        if UNFINISHED in str(error):
            return StoreNotUsable("a store is being copied to it: let `sutong migrate --from` end")
        return StoreNotUsable(f"written by a newer version of this program ({error})")
    if isinstance(error, DBAPIError):
        return StoreNotUsable(str(error.orig))
    return None


async def migrate(url: str, at: datetime | None = None) -> list[str]:
    """Apply what is pending, all in one transaction; returns the revisions applied, oldest first.

    Then, on PostgreSQL, tables are partitioned and the next months made, in transactions of their
    own. A second process that migrates at the same time waits and then finds nothing to do.
    at: whose month it is; by default the server's clock tells.
    Raises: StoreBusy, StoreNotUsable.
    """

    async def work(database: Database) -> list[str]:
        applied = await database.write(_upgrade)
        if database.dialect.name == "postgresql":
            now = await database.read(_clock)
            await partition(database, now if at is None else at)
        return applied

    return await _revisions(url, work)


def _clock(connection: Connection) -> datetime:
    told: datetime = connection.execute(text("SELECT now()")).scalar_one()
    return told


async def pending(url: str) -> list[str]:
    """The revisions that `migrate` would apply, oldest first. Changes nothing.

    Raises: StoreBusy, StoreNotUsable.
    """
    return await _revisions(url, lambda database: database.read(missing))


async def _revisions(url: str, work: Callable[[Database], Awaitable[list[str]]]) -> list[str]:
    database = connect(url, write_seconds=None)  # a migration takes as long as it takes
    try:
        return await work(database)
    except Exception as error:
        if (known := as_hub_error(error)) is not None:
            raise known from error
        raise
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
