"""Where peers push: /peers/<name>/<path>. Answered "got it" only once every body is a row.

What a call must look like and how it is answered is the connector's; size, unknown peers and a busy
store are ours.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from aiohttp import web

from connectors.base import Answer, Body, Push, Receiving
from console.api.bodies import read_body
from console.api.problems import AWAY, HEADERS, NOT_FOUND, Problem, explain_in, of_busy, response_of
from console.refused_pushes import RefusedPushes
from schemas.errors import ConnectorError, PayloadNotUnderstood, StoreBusy
from ticket_store.inbound import MessageOutcome
from ticket_store.store import Store

PREFIX = "/peers"
_DIGITS, _LONGEST_TYPE = 40, 100  # of a digest, of a Content-Type that is kept
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class GatewayDeps:
    """
    peers:        settings entry -> the peer, of those that push.
    wake:         called when a message has become a row.
    require:      raises StoreBusy while nothing should be taken in.
    largest_body: bytes.
    refused:      what /metrics says of refused pushes.
    """

    store: Store
    peers: Mapping[str, Receiving]
    now: Callable[[], datetime]
    wake: Callable[[], None]
    require: Callable[[], Awaitable[None]]
    largest_body: int = 4 << 20
    refused: RefusedPushes = field(default_factory=lambda: RefusedPushes(time.monotonic))


GATEWAY: web.AppKey[GatewayDeps] = web.AppKey("gateway", GatewayDeps)


def add_gateway(app: web.Application, deps: GatewayDeps) -> None:
    app[GATEWAY] = deps
    explain_in(app)
    app.router.add_route("*", PREFIX + "/{name}/{path:.*}", receive)


async def receive(request: web.Request) -> web.Response:
    deps, name = request.app[GATEWAY], request.match_info["name"]
    peer = deps.peers.get(name)
    if peer is None:
        raise Problem(NOT_FOUND, "not_found")
    push = _push(request, await read_body(request, deps.largest_body))
    try:
        await deps.require()  # before the nonce is taken: the same call may come again
        bodies = peer.receive(push)
        kept = await deps.store.inbound.keep(name, peer.source, bodies, deps.now())
    except StoreBusy as busy:
        return _not_now(peer, busy)
    except PayloadNotUnderstood as refusal:
        return await _unread(deps, peer, push, refusal)
    except ConnectorError as refusal:
        deps.refused.note(name, refusal)
        return _response(peer.answer(refusal))
    except Exception as error:  # the peer is answered in its own form whatever happens
        log.exception("push failed", peer=name, path=push.path)
        return _response(peer.answer(error))
    if any(one.fresh for one in kept):
        deps.wake()
    return _response(peer.answer(None))


async def _unread(
    deps: GatewayDeps, peer: Receiving, push: Push, refusal: PayloadNotUnderstood
) -> web.Response:
    """The caller is known, his words are not: kept as a dead letter, and he is told so. It may be
    a complaint, and he may never send it again."""
    number = f"unread:{hashlib.sha256(push.content).hexdigest()[:_DIGITS]}"
    body = Body(push.content, number, push.headers.get("content-type", "")[:_LONGEST_TYPE])
    book = deps.store.inbound
    try:
        (kept,) = await book.keep(peer.name, peer.source, [body], deps.now())
        await book.settle(kept.message_id, MessageOutcome.DEAD, detail=str(refusal))
    except StoreBusy as busy:
        return _not_now(peer, busy)
    deps.refused.note(peer.name, refusal)
    if kept.fresh:
        log.info("push not understood", peer=peer.name, message_id=kept.message_id)
    return _response(peer.answer(refusal))


def _push(request: web.Request, content: bytes) -> Push:
    """path: as it was sent, for it may be signed."""
    _, _, _, *below = request.rel_url.raw_path.split("/", 3)
    return Push(
        method=request.method,
        path="".join(below),
        headers={key.lower(): value for key, value in request.headers.items()},
        query=dict(request.query),
        content=content,
    )


def _not_now(peer: Receiving, busy: StoreBusy) -> web.Response:
    """503 in the peer's words, with our Retry-After."""
    said = peer.answer(busy)
    after = dict(of_busy(busy).headers)
    if said.status != AWAY:
        return response_of(of_busy(busy))
    return _response(
        Answer(said.status, said.content, said.content_type, {**said.headers, **after})
    )


def _response(answer: Answer) -> web.Response:
    headers = {**HEADERS, **answer.headers, "Content-Type": answer.content_type}
    return web.Response(status=answer.status, body=answer.content, headers=headers)
