"""Who somebody is, in words: people by name, programs by their token's label, platforms by kind."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from console import say
from console.deps import Deps
from schemas.parties import Role
from schemas.ticket import Source

_TOKEN, _PLATFORMS = "token", ("peer", "destination")


@dataclass(frozen=True)
class Names:
    """Names of departments, by code, and of platforms, by settings entry."""

    department: Callable[[str | None], str]
    peer: Callable[[str], str] = str


def names_in(deps: Deps) -> Names:
    return Names(deps.department_name, lambda peer: peer_name(deps.peers, peer))


async def names_of(deps: Deps, actor_ids: Collection[str]) -> dict[str, str]:
    """Names of the actors that have one of their own.

    Citizens and parts of the hub have none, nor have platforms that are in the settings no more.
    """
    people, names, numbers = deps.store.people, await deps.store.people.names(actor_ids), {}
    for one in actor_ids:
        kind, _, rest = one.partition(":")
        if kind in _PLATFORMS and rest in deps.peers:
            names[one] = peer_name(deps.peers, rest)
        elif kind == _TOKEN and rest.isdecimal():
            numbers[one] = int(rest)
    labels = await people.tokens.names(list(numbers.values())) if numbers else {}
    return names | {one: labels[number] for one, number in numbers.items() if number in labels}


def peer_name(peers: Mapping[str, Source], name: str) -> str:
    """The platform's Chinese name; with its settings entry where a hub has several of the kind."""
    source = peers.get(name)
    if source is None:
        return f"{say.text(Role.PEER)} {name}"
    alone = list(peers.values()).count(source) == 1
    return say.text(source) if alone else f"{say.text(source)} · {name}"
