"""`/live`: the event stream of one browser."""

import asyncio

from aiohttp import web

from console.deps import DEPS
from console.live import HEARTBEAT_SECONDS, SIGNED_OUT, sse
from console.session import signed_in
from ticket_store.scope import SEES_ALL


async def stream(request: web.Request) -> web.StreamResponse:
    """Topics as they come; a comment every heartbeat, and an end when the session has ended."""
    deps, signed = request.app[DEPS], signed_in(request)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # a proxy must not hold events back
        }
    )
    response.enable_compression(web.ContentCoding.identity)
    await response.prepare(request)
    time = asyncio.get_running_loop().time
    looked = time()
    sees_all = bool(signed.actor.roles & SEES_ALL)
    with deps.live.listen(sees_all=sees_all) as listener:
        try:
            await response.write(b"retry: 2000\n\n")
            while not listener.closed:
                topics = await listener.topics(HEARTBEAT_SECONDS)
                if listener.closed:
                    break
                if topics:
                    await response.write(b"".join(map(sse, topics)))
                if topics and time() < looked + HEARTBEAT_SECONDS:
                    continue
                looked = time()  # in a busy hub there is no quiet moment to wait for
                if await deps.store.people.session(signed.token, touch=False) is None:
                    await response.write(sse(SIGNED_OUT))
                    break
                await response.write(b": still here\n\n")
        except ConnectionResetError:
            pass  # the browser has gone; nothing is owed to it
    return response


def routes() -> list[web.RouteDef]:
    return [web.get("/live", stream)]
