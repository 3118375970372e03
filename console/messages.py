"""系统对接: what peers sent and what it became, dead letters, and what could not be delivered."""

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

from console.deps import DEPS
from console.forms import number_in
from console.rendering import go, page
from console.session import signed_in
from schemas.outbound import DeliveryState
from ticket_store.inbound import InboundMessage, MessageOutcome

PAGE = 50
_SHOWN_BYTES = 20_000
_LISTED = (DeliveryState.DEAD, DeliveryState.REFUSED, DeliveryState.HELD)
OUTCOMES: Mapping[MessageOutcome, str] = MappingProxyType(
    {
        MessageOutcome.REGISTERED: "已登记",
        MessageOutcome.APPLIED: "已更新工单",
        MessageOutcome.UNCHANGED: "无变化",
        MessageOutcome.DUPLICATE: "重复消息",
        MessageOutcome.STALE: "旧消息",
        MessageOutcome.ECHO: "本系统回声",
        MessageOutcome.REFUSED: "工单不允许",
        MessageOutcome.DEAD: "死信",
    }
)


async def inbound(request: web.Request) -> web.Response:
    """Newest first; ?outcome=dead are the dead letters, ?outcome=waiting those without outcome."""
    book, asked = request.app[DEPS].store.inbound, request.query.get("outcome", "")
    outcome = MessageOutcome(asked) if asked in set(MessageOutcome) else None
    before = number_in(request.query.get("before", ""))
    rows = await book.browse(
        peer=request.query.get("peer") or None,
        outcome=outcome,
        waiting=asked == "waiting",
        before_id=before,
        limit=PAGE + 1,
    )
    shown = rows[:PAGE]
    more = None
    if len(rows) > PAGE:
        more = str(request.rel_url.update_query(before=str(shown[-1].message_id)))
    return page(
        request, "messages/inbound.html", rows=shown, more=more, asked=asked,
        tally=await book.tally(), outcomes=OUTCOMES, peer=request.query.get("peer", ""),
    )  # fmt: skip


async def _message(request: web.Request) -> InboundMessage:
    try:
        return await request.app[DEPS].store.inbound.read(int(request.match_info["message_id"]))
    except LookupError:
        raise web.HTTPNotFound from None


async def one(request: web.Request) -> web.Response:
    return page(
        request, "messages/message.html", message=await _message(request), outcomes=OUTCOMES
    )


async def content(request: web.Request) -> web.Response:
    """The untouched bytes as text. They hold personal data, so that looking is audited first."""
    message = await _message(request)
    if message.archived:
        raise web.HTTPConflict
    await request.app[DEPS].store.audit.append(
        signed_in(request).actor.actor_id, "read_message", f"message:{message.message_id}", {}
    )
    return page(
        request, "messages/content.html", text=as_text(message.content),
        cut=len(message.content) > _SHOWN_BYTES,
    )  # fmt: skip


def as_text(content: bytes) -> str:
    """UTF-8, else GBK as old systems write it; what is neither is shown as it can be."""
    shown = content[:_SHOWN_BYTES]
    for encoding in ("utf-8", "gb18030"):
        try:
            return shown.decode(encoding)
        except UnicodeDecodeError:
            continue
    return shown.decode("utf-8", errors="backslashreplace")


async def replay_message(request: web.Request) -> web.Response:
    message_id = int(request.match_info["message_id"])
    done = await request.app[DEPS].store.inbound.replay(
        message_id, signed_in(request).actor.actor_id
    )
    if not done:
        raise web.HTTPConflict
    return go(request, f"/messages/{message_id}")


async def deliveries(request: web.Request) -> web.Response:
    """What is owed and could not be sent: dead, refused and held, and how much of each."""
    deps = request.app[DEPS]
    book, asked = deps.store.deliveries, request.query.get("state", "")
    state = DeliveryState(asked) if asked in _LISTED else DeliveryState.DEAD
    return page(
        request, "messages/deliveries.html", counts=await book.owed_counts(),
        holds=await book.holds(), rows=await book.dead(PAGE, state), state=state,
        listed=_LISTED, tally=await deps.store.inbound.tally(), asked="deliveries",
    )  # fmt: skip


async def replay_delivery(request: web.Request) -> web.Response:
    posted = await request.post()
    numbers = (
        number_in(str(posted.get("ticket_id", ""))),
        number_in(str(posted.get("sequence", ""))),
    )
    ticket_id, sequence = numbers
    if ticket_id is None or sequence is None:
        raise web.HTTPBadRequest
    done = await request.app[DEPS].store.deliveries.replay(
        ticket_id, sequence, str(posted.get("destination", "")),
        signed_in(request).actor.actor_id,
    )  # fmt: skip
    if not done:
        raise web.HTTPConflict
    return go(request, "/messages/deliveries")


async def release(request: web.Request) -> web.Response:
    """A person says that a peer's credentials are mended."""
    posted = await request.post()
    await request.app[DEPS].store.deliveries.release_held(
        str(posted.get("destination", "")), signed_in(request).actor.actor_id
    )
    return go(request, "/messages/deliveries?state=held")


def routes() -> list[web.RouteDef]:
    one_message = r"/messages/{message_id:\d{1,18}}"
    return [
        web.get("/messages", inbound),
        web.get("/messages/deliveries", deliveries),
        web.post("/messages/deliveries/replay", replay_delivery),
        web.post("/messages/deliveries/release", release),
        web.get(one_message, one),
        web.post(one_message + "/content", content),
        web.post(one_message + "/replay", replay_message),
    ]
