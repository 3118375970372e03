"""sutong migrate, sutong replay: what a person does to the store by hand."""

from typing import Annotated

import typer

from hub.assembly import Hub, build
from hub.cli.output import WRONG_USAGE, AsJson, fail, print_json, run, say, settings_or_exit
from hub.settings import Settings
from schemas.ids import ticket_id_of, ticket_no
from ticket_store.migrations import migrate

BY = "cli"


def migrate_store(as_json: AsJson = False) -> None:
    """Make the store, or bring it up to date."""
    settings = settings_or_exit()
    settings.home.mkdir(parents=True, exist_ok=True)
    applied = run(migrate(settings.database))
    if as_json:
        print_json({"applied": applied})
    elif applied:
        say(f"applied {', '.join(applied)}")
    else:
        say("the store is up to date")


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
        return
    say(f"{done['messages']} message(s), {done['deliveries']} delivery(ies) put back in line,")
    say(f"{done['released']} held delivery(ies) released; a running worker takes them up")


def _triple(text: str) -> tuple[int, int, str]:
    ticket, _, rest = text.partition(":")
    event, _, peer = rest.partition(":")
    try:
        number = int(ticket) if ticket.isdigit() else ticket_id_of(ticket)
        return number, int(event), peer
    except ValueError:
        fail(f"--delivery is TICKET:EVENT:PEER, not {text!r}", WRONG_USAGE)


async def _list(settings: Settings, as_json: bool) -> None:
    hub = await build(settings)
    try:
        letters = await hub.store.inbound.dead_letters(limit=1000)
        deliveries = await hub.store.deliveries.dead(limit=1000)
    finally:
        await hub.close()
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
    if as_json:
        print_json({"messages": messages, "deliveries": owed})
        return
    for row in messages:
        say(f"message {row['message']}  {row['peer']}  {row['received_at']}  {row['reason']}")
    for row in owed:
        key = f"{row['ticket_no']}:{row['event']}:{row['peer']}"
        say(f"delivery {key}  {row['state']} after {row['attempts']} tries  {row['reason']}")
    say(f"{len(messages)} dead message(s), {len(owed)} dead delivery(ies)")


async def _replay(
    settings: Settings,
    messages: list[int],
    deliveries: list[tuple[int, int, str]],
    peers: list[str],
    every: bool,
) -> dict[str, int]:
    hub = await build(settings)
    try:
        if every:
            messages, deliveries = await _everything(hub)
        book, owed = hub.store.inbound, hub.store.deliveries
        return {
            "messages": sum([await book.replay(one, BY) for one in messages]),
            "deliveries": sum([await owed.replay(*one, BY) for one in deliveries]),
            "released": sum([await owed.release_held(peer, BY) for peer in peers]),
        }
    finally:
        await hub.close()


async def _everything(hub: Hub) -> tuple[list[int], list[tuple[int, int, str]]]:
    letters = await hub.store.inbound.dead_letters(limit=100_000)
    dead = await hub.store.deliveries.dead(limit=100_000)
    return (
        [letter.message_id for letter in letters],
        [(one.ticket_id, one.sequence, one.destination) for one in dead],
    )
