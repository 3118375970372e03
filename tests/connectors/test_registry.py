from typing import Any

import pytest

from connectors import registry
from connectors.base import Connector, Polling, Receiving
from connectors.registry import Peers, PeersWrong, build_peers

HOTLINE: dict[str, Any] = {
    "dialect": "hotline12345",
    "url": "http://127.0.0.1:9",
    "app_key": "hub-app",
    "app_secret": "s",
}


def test_the_dialects_are_listed_in_order() -> None:
    assert registry.names() == ("hotline12345", "phone_log", "provincial", "web_portal")


def test_a_peer_is_built_from_its_settings_entry() -> None:
    peers = build_peers({"city": HOTLINE, "town": HOTLINE, "portal": {"dialect": "web_portal"}})
    assert list(peers) == ["city", "town", "portal"]
    assert peers["town"].connector.name == "town"
    assert "ticket_closed" in peers["city"].pushed
    assert isinstance(peers["city"].connector, Polling)
    assert isinstance(peers["city"].connector, Receiving)
    assert isinstance(peers["portal"].connector, Connector)
    assert not isinstance(peers["portal"].connector, Polling)


def test_a_portal_without_a_callback_is_owed_nothing() -> None:
    with_callback = {"dialect": "web_portal", "callback_url": "http://127.0.0.1:9/c"}
    peers = build_peers({"silent": {"dialect": "web_portal"}, "told": with_callback})
    assert peers["silent"].pushed == frozenset()
    assert "ticket_closed" in peers["told"].pushed


def test_a_second_peer_of_the_same_name_is_refused() -> None:
    peers = Peers()
    peers.add("city", HOTLINE)
    peers.add("city", HOTLINE)
    with pytest.raises(PeersWrong, match=r"peers\.city: a second peer"):
        peers.built()


def test_every_problem_is_named_with_its_key() -> None:
    entries = {
        "a b": HOTLINE,
        "nobody": {"dialect": "smoke_signals"},
        "mute": {},
        "city": {**HOTLINE, "urll": "x", "poll_seconds": 0},
    }
    with pytest.raises(PeersWrong) as wrong:
        build_peers(entries)
    keys = [problem.partition(":")[0] for problem in wrong.value.problems]
    assert keys == [
        "peers.a b",
        "peers.nobody.dialect",
        "peers.mute.dialect",
        "peers.city.poll_seconds",
        "peers.city.urll",
    ]


def test_a_secret_is_not_repeated_in_a_problem() -> None:
    with pytest.raises(PeersWrong) as wrong:
        build_peers({"city": {**HOTLINE, "app_secret": ["very secret"]}})
    assert "very secret" not in str(wrong.value)


def test_an_unknown_dialect_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        registry.dialect("smoke_signals")
