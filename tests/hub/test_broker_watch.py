"""The broker's file: what is said of it when it cannot be looked at."""

import sqlite3
from pathlib import Path

import pytest

import hub.broker_watch
from hub.broker_watch import BrokerWatch


def watch(url: str) -> BrokerWatch:
    return BrokerWatch(url, lambda: 0.0)


async def problem_of(monkeypatch: pytest.MonkeyPatch, home: Path, name: str | None) -> str | None:
    """What is said when SQLite ends a look with that error."""

    def refused(*_given: object, **_named: object) -> None:
        error = sqlite3.OperationalError("no")
        if name is not None:
            error.sqlite_errorname = name
        raise error

    (home / "broker.db").touch()
    monkeypatch.setattr(hub.broker_watch.sqlite3, "connect", refused)
    return await watch(f"sqlite:///{home}/broker.db").problem()


@pytest.mark.parametrize(
    "name",
    [
        "SQLITE_BUSY",
        "SQLITE_BUSY_RECOVERY",
        "SQLITE_BUSY_SNAPSHOT",
        "SQLITE_LOCKED",
        "SQLITE_LOCKED_SHAREDCACHE",
    ],
)
async def test_a_file_that_somebody_is_at_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert await problem_of(monkeypatch, tmp_path, name) is None


@pytest.mark.parametrize("name", ["SQLITE_IOERR_READ", "SQLITE_CANTOPEN", None])
async def test_any_other_error_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    assert await problem_of(monkeypatch, tmp_path, name) == "broker: no"


async def test_a_file_that_is_locked_is_there(tmp_path: Path) -> None:
    path = tmp_path / "broker.db"
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("CREATE TABLE one (x)")
        holder.execute("BEGIN EXCLUSIVE")
        assert await watch(f"sqlite:///{path}").problem() is None
    finally:
        holder.close()


async def test_a_missing_folder_is_named_only_when_it_is_missing(tmp_path: Path) -> None:
    """Any URL that was refused was said to have no folder."""
    gone = await watch(f"sqlite:///{tmp_path}/gone/broker.db").problem()
    assert gone == "broker: its folder is not there"
    typo = await watch(f"sqlite:///{tmp_path}/broker.db?linger=2").problem()
    assert typo is not None
    assert "unknown setting 'linger'" in typo
    assert "not there" not in typo
