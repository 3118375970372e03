"""What a group's commands come to, as rows of the desk's tables."""

from collections.abc import Sequence
from typing import Any

from ticket_store.batch import Decided
from ticket_store.digests import BODY, body_digest, compact, events_digest
from ticket_store.rows import event_row, refusal_json
from ticket_store.writer import AuditEntry


class Rows:
    """The rows of a group's commands, by table, in the order of the commands."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.registrations: list[dict[str, Any]] = []
        self.supplements: list[dict[str, Any]] = []
        self.numbers: list[dict[str, Any]] = []
        self.inbox: list[dict[str, Any]] = []
        self.outbox: list[dict[str, Any]] = []
        self.audit: list[AuditEntry] = []

    def add(self, one: Decided, asked: bytes | None) -> None:
        command = one.command
        actor = command.actor.model_dump_json(exclude_defaults=True)
        events = [event_row(recorded, actor) for recorded in one.events]
        self.events += events
        self.outbox += [{"event_id": row["event_id"]} for row in events]
        brought = None
        if events:
            key = events[0]["event_id"]  # such a command's first event brings the body
            for part, into in (
                (one.registration, self.registrations), (one.supplement, self.supplements),
            ):  # fmt: skip
                if part is not None:
                    body = part.model_dump_json(exclude_defaults=True)
                    into.append({"event_id": key, "body": body})
                    brought = body_digest(key, body)
        if one.source_number is not None:
            peer, number = one.source_number
            self.numbers.append(
                {"peer": peer, "source_ticket_no": number, "ticket_id": command.ticket_id}
            )
        self.inbox.append(
            {
                "command_id": command.command_id.bytes,
                "ticket_id": command.ticket_id,
                "version": one.after.version if one.after else 0,
                "made": len(events),
                "refusal": refusal_json(one.refusal) if one.refusal else None,
                "fingerprint": asked,
            }
        )
        self.audit.append(_audit_entry(one, events, brought))


def _audit_entry(one: Decided, events: Sequence[dict[str, Any]], brought: str | None) -> AuditEntry:
    """brought: the digest of the body that the command brought; a command brings one at most."""
    facts: dict[str, Any] = {}
    if one.refusal is not None:
        facts["refused"] = one.refusal.code
    if events:
        facts["events"] = [events[0]["event_id"], len(events)]
    if brought is not None:
        facts[BODY] = brought
    if one.command.cause is not None:
        facts["cause"] = one.command.cause
    return AuditEntry(
        actor_id=one.command.actor.actor_id,
        action=one.command.action.value,
        subject=str(one.command.ticket_id),
        facts=compact(facts),
        events=len(events),
        events_digest=events_digest(events) if events else None,
    )
