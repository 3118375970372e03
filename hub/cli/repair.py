"""sutong migrate, sutong replay: what a person does to the store by hand."""

from typing import Annotated, Any

import typer

from hub.broker import prepare_broker
from hub.cli.move import move_store
from hub.cli.output import FAILED, WRONG_USAGE, AsJson, fail, print_json, run, say, settings_or_exit
from hub.settings import Settings
from hub.stored import stored
from schemas.ids import ticket_id_of, ticket_no
from ticket_store.migrations import migrate
from ticket_store.store import Store

BY = "cli"


def migrate_store(
    source: Annotated[
        str | None, typer.Option("--from", help="sqlite+aiosqlite:///FILE of a hub that stands.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", help="postgresql+asyncpg://... of an empty database.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the store, or bring it up to date; on Kafka also the topics.

    With --from and --to: copy a store to PostgreSQL and prove the copy equal. A copy that was
    killed goes on where it was when it is called again.
    """
    settings = settings_or_exit()
    if source is not None or target is not None:
        move_store(source, target, as_json=as_json)
        return
    applied, topics = run(_migrate(settings))
    if as_json:
        print_json({"applied": applied, "topics": topics})
        return
    say(f"applied {', '.join(applied)}" if applied else "the store is up to date")
    if topics:
        say(f"topics made: {', '.join(topics)}")


async def _migrate(settings: Settings) -> tuple[list[str], list[str]]:
    settings.home.mkdir(parents=True, exist_ok=True)
    return await migrate(settings.database), await prepare_broker(settings)


def replay(
    message: Annotated[
        list[int] | None, typer.Option(help="An inbound message, by number.")
    ] = None,
    delivery: Annotated[
        list[str] | None, typer.Option(help="TICKET:EVENT:PEER of a dead delivery.")
    ] = None,
    release: Annotated[
        list[str] | None, typer.Option(help="A peer whose credentials were mended.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter of both kinds.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the dead letters, or send chosen ones again."""
    settings = settings_or_exit()
    if not (message or delivery or release or every):
        run(_list(settings, as_json))
        return
    triples = [_triple(text) for text in delivery or []]
    done = run(_replay(settings, message or [], triples, release or [], every))
    if as_json:
        print_json(done)
    else:
        put_back = f"{done['messages']} message(s) and {done['deliveries']} delivery(ies) put back"
        say(f"{put_back}, {done['released']} held delivery(ies) released")
        say("a running worker takes them up")
        for name in done["not_dead"]:
            say(f"{name}: nothing to replay; `sutong replay` lists what there is")
    if done["not_dead"]:
        raise typer.Exit(FAILED)


def _triple(text: str) -> tuple[int, int, str]:
    ticket, _, rest = text.partition(":")
    event, _, peer = rest.partition(":")
    try:
        number = int(ticket) if ticket.isdigit() else ticket_id_of(ticket)
        return number, int(event), peer
    except ValueError:
        fail(f"--delivery is TICKET:EVENT:PEER, not {text!r}", WRONG_USAGE)


async def _list(settings: Settings, as_json: bool) -> None:
    async with stored(settings) as store:
        letters = await store.inbound.dead_letters(limit=1000)
        deliveries = await store.deliveries.dead(limit=1000)
        holds = await store.deliveries.holds()
    messages: list[dict[str, object]] = [
        {
            "message": letter.message_id,
            "peer": letter.peer,
            "received_at": letter.received_at.isoformat(),
            "reason": letter.detail,
        }
        for letter in letters
    ]
    owed: list[dict[str, object]] = [
        {
            "ticket_no": ticket_no(one.ticket_id),
            "event": one.sequence,
            "peer": one.destination,
            "state": one.state.value,
            "attempts": one.attempts,
            "reason": one.detail,
        }
        for one in deliveries
    ]
    held: list[dict[str, object]] = [
        {"peer": hold.destination, "since": hold.since.isoformat(), "reason": hold.detail}
        for hold in holds
    ]
    if as_json:
        print_json({"messages": messages, "deliveries": owed, "holds": held})
        return
    for row in messages:
        say(f"message {row['message']}  {row['peer']}  {row['received_at']}  {row['reason']}")
    for row in owed:
        key = f"{row['ticket_no']}:{row['event']}:{row['peer']}"
        say(f"delivery {key}  {row['state']} after {row['attempts']} tries  {row['reason']}")
    for row in held:
        say(f"held {row['peer']}  since {row['since']}  {row['reason']}")
    say(f"{len(messages)} dead message(s), {len(owed)} dead delivery(ies)")


async def _replay(
    settings: Settings,
    messages: list[int],
    deliveries: list[tuple[int, int, str]],
    peers: list[str],
    every: bool,
) -> dict[str, Any]:
    """What was put back in line; not_dead: what was named and is not dead or not there."""
    not_dead: list[str] = []
    async with stored(settings) as store:
        await _check_peers(settings, store, peers)
        if every:
            messages, deliveries = await _everything(store)
        for one in messages:
            if not await store.inbound.replay(one, BY):
                not_dead.append(f"message {one}")
        for ticket, event, peer in deliveries:
            if not await store.deliveries.replay(ticket, event, peer, BY):
                not_dead.append(f"delivery {ticket_no(ticket)}:{event}:{peer}")
        released = sum([await store.deliveries.release_held(peer, BY) for peer in peers])
    asked = len(messages) + len(deliveries) - len(not_dead)
    lost = sum(name.startswith("message") for name in not_dead)
    return {
        "messages": len(messages) - lost,
        "deliveries": asked - (len(messages) - lost),
        "released": released,
        "not_dead": not_dead,
    }


async def _check_peers(settings: Settings, store: Store, named: list[str]) -> None:
    """Exit 2 for a peer that is neither in the settings nor held. Nothing has been done yet."""
    known = settings.peers.keys() | {hold.destination for hold in await store.deliveries.holds()}
    if unknown := [peer for peer in named if peer not in known]:
        there = ", ".join(sorted(known)) or "none in the settings"
        fail(
            f"--release: no peer {', '.join(map(repr, unknown))}; the peers are: {there}",
            WRONG_USAGE,
        )


async def _everything(store: Store) -> tuple[list[int], list[tuple[int, int, str]]]:
    letters = await store.inbound.dead_letters(limit=100_000)
    dead = await store.deliveries.dead(limit=100_000)
    return (
        [letter.message_id for letter in letters],
        [(one.ticket_id, one.sequence, one.destination) for one in dead],
    )
