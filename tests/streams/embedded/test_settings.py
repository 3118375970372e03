"""Broker URLs: what they mean, and what is refused instead of guessed."""

from pathlib import Path

import pytest

from streams.embedded.settings import BrokerSettings, BrokerUrlRefused


def test_defaults_are_durable(tmp_path: Path) -> None:
    settings = BrokerSettings.from_url(f"sqlite:///{tmp_path / 'log.db'}")
    assert settings.path == tmp_path / "log.db"
    assert (settings.synchronous, settings.linger_ms) == ("FULL", 2.0)


def test_three_slashes_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    assert BrokerSettings.from_url("sqlite:///var/log.db").path == Path("var/log.db")


def test_the_query_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/l.db?synchronous=normal&linger_ms=0&fetch_records=7"
    settings = BrokerSettings.from_url(url)
    assert (settings.synchronous, settings.linger_ms) == ("NORMAL", 0.0)
    assert settings.fetch_records == 7


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("linger=2", "unknown setting 'linger'"),
        ("path=x", "unknown setting 'path'"),
        ("synchronous=sometimes", "one of FULL"),
        ("linger_ms=two", "not a number"),
        ("fetch_records=2.5", "not a number"),
        ("fetch_records=0", "greater than zero"),
        ("retention_days=-1", "greater than zero"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, query: str, reason: str) -> None:
    with pytest.raises(BrokerUrlRefused, match=reason):
        BrokerSettings.from_url(f"sqlite:///{tmp_path}/log.db?{query}")


@pytest.mark.parametrize("url", ["sqlite://log.db", "sqlite://", "kafka://localhost"])
def test_a_url_without_a_path_is_refused(url: str) -> None:
    with pytest.raises(BrokerUrlRefused, match="expected sqlite:///"):
        BrokerSettings.from_url(url)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(BrokerUrlRefused, match="there is no folder"):
        BrokerSettings.from_url(f"sqlite:///{tmp_path}/no/log.db")
