"""Dialect name -> how its settings are read and its peers are built.

A dialect is imported when a peer speaks it, so that a hub without a SOAP peer never loads SOAP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol, cast

from pydantic import BaseModel, ValidationError

from connectors.base import Connector
from schemas.areas import AreaTable
from schemas.errors import HubError

_MODULES: Mapping[str, str] = MappingProxyType(
    {
        "hotline12345": "connectors.hotline12345",
        "phone_log": "connectors.phone_log",
        "provincial": "connectors.provincial",
        "web_portal": "connectors.web_portal",
    }
)


class PeersWrong(HubError):
    """[peers.*] cannot be used. Each problem names its key and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Build(Protocol):
    def __call__(self, name: str, settings: Any, *, areas: AreaTable) -> Connector: ...


class _Pushed(Protocol):
    def __call__(self, settings: Any) -> frozenset[str]: ...


@dataclass(frozen=True)
class Dialect:
    """settings: model of the peer's settings; pushed: event kinds that a peer with them is owed."""

    name: str
    settings: type[BaseModel]
    build: _Build
    pushed: _Pushed


@dataclass(frozen=True)
class Peer:
    """A built peer and the event kinds that it is owed."""

    connector: Connector
    pushed: frozenset[str]


def names() -> tuple[str, ...]:
    """The dialects that the hub speaks, in order."""
    return tuple(sorted(_MODULES))


def dialect(name: str) -> Dialect:
    """Load a dialect. Raises: KeyError when there is none of that name."""
    package = _MODULES[name]
    connector = import_module(f"{package}.connector")
    kinds = event_kinds(name)
    by_settings = getattr(connector, "pushed", None)
    return Dialect(
        name=name,
        settings=connector.Settings,
        build=connector.build,
        pushed=cast(_Pushed, by_settings) if by_settings else lambda _settings: kinds,
    )


def event_kinds(name: str) -> frozenset[str]:
    """The event kinds that a dialect can be told. Raises: KeyError when there is none."""
    kinds: frozenset[str] = import_module(f"{_MODULES[name]}.codes").PUSHED
    return kinds


def build_peers(entries: Mapping[str, Mapping[str, Any]], areas: AreaTable) -> dict[str, Peer]:
    """Build the peers of the settings, by name.

    entries: [peers.<name>] with `dialect` and what the dialect asks for.
    areas:   of the city: in their messages old area codes are read as those in force.
    Raises: PeersWrong with every problem, not only the first.
    """
    peers = Peers(areas)
    for name, entry in entries.items():
        peers.add(name, entry)
    return peers.built()


class Peers:
    """Collects peers and what is wrong with them; a second one of the same name is refused."""

    def __init__(self, areas: AreaTable) -> None:
        self._areas = areas
        self._peers: dict[str, Peer] = {}
        self._problems: list[str] = []

    def add(self, name: str, entry: Mapping[str, Any]) -> None:
        place = f"peers.{name}"
        wanted = entry.get("dialect")
        if name in self._peers:
            self._problems.append(f"{place}: a second peer of this name; rename one of them")
        elif not name.isascii() or not name.replace("_", "").replace("-", "").isalnum():
            self._problems.append(f"{place}: a name is letters, digits, - and _, as in addresses")
        elif wanted not in _MODULES:
            self._problems.append(f"{place}.dialect: {wanted!r}; one of {', '.join(names())}")
        else:
            self._build(name, dialect(str(wanted)), entry)

    def built(self) -> dict[str, Peer]:
        """Raises: PeersWrong."""
        if self._problems:
            raise PeersWrong(self._problems)
        return self._peers

    def _build(self, name: str, kind: Dialect, entry: Mapping[str, Any]) -> None:
        given = {key: value for key, value in entry.items() if key != "dialect"}
        try:
            settings = kind.settings.model_validate(given)
        except ValidationError as error:
            self._problems += [
                f"peers.{name}.{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
                for problem in error.errors(include_input=False)
            ]
        else:
            connector = kind.build(name, settings, areas=self._areas)
            self._peers[name] = Peer(connector, kind.pushed(settings))
