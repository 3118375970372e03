"""What the portal API is given, and what its handlers share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from console.api.calls import ticket_id_in
from console.api.problems import NOT_FOUND, TOO_MANY, Problem, fields_wrong
from console.portal.query_codes import fits
from console.portal.upload_quota import UploadQuota
from console.rate_limit import RateLimit
from console.say_fields import Wrong
from schemas.ticket import Ticket
from ticket_store.attachments import Attachment
from ticket_store.inbound import InboundMessage
from ticket_store.store import Store

_MOST_MESSAGES = 200  # of one ticket that are looked through


@dataclass(frozen=True)
class PortalDeps:
    """
    peer:           settings entry whose dialect is web_portal; matters become its messages.
    secret:         of the query codes; the same in every process and after every restart.
    wake:           called when a message has become a row.
    per_minute:     calls of one address.
    limit_loopback: whether calls from this machine are limited, too.
    monotonic:      seconds on a clock that never goes back.
    require:        raises StoreBusy while nothing should be taken in.
    uploads_per_hour, upload_bytes_per_hour: of one address, for matters that do not exist yet.
    unattached:     how long an upload waits for its matter.
    """

    store: Store
    peer: str
    secret: bytes
    now: Callable[[], datetime]
    wake: Callable[[], None]
    per_minute: int
    limit_loopback: bool
    monotonic: Callable[[], float]
    require: Callable[[], Awaitable[None]]
    uploads_per_hour: int
    upload_bytes_per_hour: int
    unattached: timedelta


@dataclass(frozen=True)
class Known:
    """A ticket that a citizen asks about. head: None until its matter is registered."""

    ticket_id: int
    head: Ticket | None
    messages: tuple[InboundMessage, ...]  # of this portal; read when asked for, or without a head

    def message(self, number: str) -> InboundMessage | None:
        return next((one for one in self.messages if one.peer_message_no == number), None)


class Portal:
    """The gate of every call, and the one way to find a ticket by number and code."""

    def __init__(self, deps: PortalDeps) -> None:
        self.deps = deps
        self._limit = RateLimit(deps.per_minute, deps.monotonic, loopback=deps.limit_loopback)
        self._uploads = UploadQuota(
            deps.uploads_per_hour,
            deps.upload_bytes_per_hour,
            deps.monotonic,
            loopback=deps.limit_loopback,
        )

    def admit(self, request: web.Request) -> None:
        """Raises: Problem 429."""
        if wait := self._limit.wait_seconds(request):
            raise Problem(TOO_MANY, "too_many_requests", headers={"Retry-After": str(wait)})

    def admit_upload(self, request: web.Request, largest: int) -> None:
        """Of at most `largest` bytes, by somebody unknown. Raises: Problem 429."""
        if wait := self._uploads.wait_seconds(request, largest):
            raise Problem(TOO_MANY, "too_many_uploads", headers={"Retry-After": str(wait)})

    def require_fresh(self, upload: Attachment, field: str) -> None:
        """Of an upload that a sweep cannot be at yet. Raises: Problem 422 for the field."""
        if upload.added_at < self.deps.now() - self.deps.unattached:
            raise fields_wrong(Wrong(field, "附件上传已久，请重新上传"))

    def authorised(self, ticket_no: str, query_code: object) -> int:
        """The ticket id. A number is not looked up before its code is right: a wrong code takes
        the same steps and the same time, whether there is such a ticket or not.

        Raises: Problem 404.
        """
        ticket_id = ticket_id_in(ticket_no)
        given = query_code if isinstance(query_code, str) else ""
        right = fits(self.deps.secret, ticket_id or 0, given)
        if ticket_id is None or not right:
            raise unknown_matter()
        return ticket_id

    async def known(self, ticket_id: int, *, messages: bool = False) -> Known:
        """Raises: Problem 404 when no matter of this portal has the number."""
        store = self.deps.store
        head = await store.tickets.head(ticket_id)
        if head is not None and head.peer != self.deps.peer:
            raise unknown_matter()
        kept: tuple[InboundMessage, ...] = ()
        if messages or head is None:
            found = await store.inbound.browse(ticket_id=ticket_id, limit=_MOST_MESSAGES)
            kept = tuple(one for one in found if one.peer == self.deps.peer)
            if head is None and not kept:
                raise unknown_matter()
        return Known(ticket_id, head, kept)


PORTAL: web.AppKey[Portal] = web.AppKey("portal", Portal)


def unknown_matter() -> Problem:
    return Problem(NOT_FOUND, "unknown_matter")
