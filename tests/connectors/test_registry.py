from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connectors import registry
from connectors.base import Connector, Polling, Receiving
from connectors.registry import Peers, PeersWrong, build_peers
from schemas.areas import NO_AREAS, Area, AreaTable, City

HOTLINE: dict[str, Any] = {
    "dialect": "hotline12345",
    "url": "http://127.0.0.1:9",
    "app_key": "hub-app",
    "app_secret": "s",
}


def test_the_dialects_are_listed_in_order() -> None:
    assert registry.names() == ("hotline12345", "phone_log", "provincial", "web_portal")


def test_a_peer_is_built_from_its_settings_entry() -> None:
    peers = build_peers(
        {"city": HOTLINE, "town": HOTLINE, "portal": {"dialect": "web_portal"}}, NO_AREAS
    )
    assert list(peers) == ["city", "town", "portal"]
    assert peers["town"].connector.name == "town"
    assert "ticket_closed" in peers["city"].pushed
    assert isinstance(peers["city"].connector, Polling)
    assert isinstance(peers["city"].connector, Receiving)
    assert isinstance(peers["portal"].connector, Connector)
    assert not isinstance(peers["portal"].connector, Polling)


_ANOTHER_CITY = AreaTable(
    City(code="340100", name="合肥市"),
    [
        Area(code="340122", name="肥东县"),
        Area(code="340199", name="旧区", valid_to=date(2020, 1, 1), became="340122"),
    ],
)
_PEERS: dict[str, dict[str, Any]] = {
    "hotline12345": HOTLINE,
    "provincial": {
        "dialect": "provincial",
        "url": "http://127.0.0.1:9",
        "app_key": "k",
        "app_secret": "s",
    },
    "web_portal": {"dialect": "web_portal"},
}
# dialect -> a payload of its tests, and the area code in it
_PAYLOADS = {
    "hotline12345": ("created__help.json", b'"320508"'),
    "provincial": ("issued__full.xml", b">320508<"),
    "web_portal": ("matter__full.json", b'"320508"'),
}


@pytest.mark.parametrize(("code", "stands"), [("340199", "340122"), ("320508", "320508")])
@pytest.mark.parametrize("dialect", _PAYLOADS)
def test_every_dialect_reads_codes_by_the_table_it_is_given(
    dialect: str, code: str, stands: str
) -> None:
    file, there = _PAYLOADS[dialect]
    peer = build_peers({"peer": _PEERS[dialect]}, _ANOTHER_CITY)["peer"].connector
    payload = Path(__file__).parent.joinpath(dialect, "payloads", file).read_bytes()
    assert there in payload
    (intake,) = peer.translate(payload.replace(there, there.replace(b"320508", code.encode())))
    assert intake.registration is not None
    assert intake.registration.matter.area_code == stands


def test_a_portal_without_a_callback_is_owed_nothing() -> None:
    with_callback = {"dialect": "web_portal", "callback_url": "http://127.0.0.1:9/c"}
    peers = build_peers({"silent": {"dialect": "web_portal"}, "told": with_callback}, NO_AREAS)
    assert peers["silent"].pushed == frozenset()
    assert "ticket_closed" in peers["told"].pushed


def test_a_second_peer_of_the_same_name_is_refused() -> None:
    peers = Peers(NO_AREAS)
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
        build_peers(entries, NO_AREAS)
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
        build_peers({"city": {**HOTLINE, "app_secret": ["very secret"]}}, NO_AREAS)
    assert "very secret" not in str(wrong.value)


def test_an_unknown_dialect_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        registry.dialect("smoke_signals")
