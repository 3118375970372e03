"""A portal message becomes a row once; a repeat of its key is recognised by what it says."""

import hashlib
from dataclasses import dataclass

from connectors.base import Body
from connectors.web_portal.messages import (
    PORTAL_MESSAGE,
    MatterMessage,
    RatingMessage,
    SupplementMessage,
    WithdrawalMessage,
)
from connectors.web_portal.translate import intakes_from_body
from console.api.problems import CONFLICT, Problem, fields_wrong
from console.portal.deps import Portal
from console.say_fields import Wrong
from schemas.errors import PayloadNotUnderstood
from schemas.matter import Frozen
from schemas.ticket import Source
from ticket_store.inbound import NumberTaken

Message = MatterMessage | SupplementMessage | WithdrawalMessage | RatingMessage
_DIGITS = 40


@dataclass(frozen=True)
class Kept:
    """ticket_id: the number that was reserved when the message first came."""

    ticket_id: int
    fresh: bool


def number_of(kind: str, key: str) -> str:
    """The message number that stands for an Idempotency-Key of the portal."""
    return f"{kind}:{hashlib.sha256(key.encode()).hexdigest()[:_DIGITS]}"


async def keep(portal: Portal, message: Message, number: str) -> Kept:
    """Durable when this returns.

    Raises: Problem 409 when the same number said something else before, 422 when the hub could not
    read the message back; StoreBusy.
    """
    deps, content = portal.deps, message.content
    await deps.require()
    try:
        intakes_from_body(content, deps.peer)
    except PayloadNotUnderstood as error:
        raise fields_wrong(Wrong("", "内容校验不通过，请核对")) from error
    body = Body(content, number)
    opens = isinstance(message, MatterMessage)
    try:
        (kept,) = await deps.store.inbound.keep(
            deps.peer, Source.WEB_PORTAL, [body], deps.now(),
            ticket_id=message.ticket_id, first=opens,
        )  # fmt: skip
    except NumberTaken as error:  # its attachments went with another matter a moment ago
        raise fields_wrong(Wrong("attachments", "这个附件属于另一件诉求")) from error
    if kept.fresh:
        deps.wake()
    else:
        earlier = await deps.store.inbound.read(kept.message_id)
        check_same(earlier.content, message.form)
    return Kept(kept.ticket_id or message.ticket_id, kept.fresh)


def check_same(content: bytes, form: Frozen) -> None:
    """Raises: Problem 409 unless the row says what `form` says; one in an archive is believed."""
    if content and PORTAL_MESSAGE.validate_json(content).form != form:
        raise Problem(CONFLICT, "idempotency_key_reused")
