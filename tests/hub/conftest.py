"""A home of the test's own, and an environment without the settings of whoever runs the tests."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.hub.commands import sutong


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SUTONG_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in list(logging.root.manager.loggerDict)}
    yield
    root.handlers, root.level = handlers, level
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    structlog.reset_defaults()


@pytest.fixture
def store(home: Path) -> Path:
    """SUTONG_HOME with an empty store in it."""
    assert sutong("migrate").code == 0
    return home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SUTONG_HOME, not made yet; the working folder holds no sutong.toml either."""
    folder = tmp_path / "a home"
    monkeypatch.setenv("SUTONG_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder
