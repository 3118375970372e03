"""What the worker that leads forgets once an hour: ended sessions, and uploads without a matter."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from schemas.errors import StoreBusy
from ticket_store.sessions import SessionBook
from ticket_store.upload_sweep import UploadSweep

log = structlog.get_logger(__name__)

SESSIONS_SECONDS = 3600.0  # between two looks for sessions that have ended by time
UPLOADS_SECONDS = 3600.0  # between two looks for uploads whose matter never came
UPLOADS_GRACE = timedelta(hours=1)  # clocks of processes differ, and a slow call may be at one
FOLLOW_SECONDS = 60.0  # between two looks whether this worker leads now
Pause = Callable[[float], Awaitable[None]]


async def sweep_sessions(
    sessions: SessionBook, leads: Callable[[], bool], pause: Pause = asyncio.sleep
) -> None:
    """Forget sessions that have ended by time, once an hour, for ever.

    pause: waits so many seconds.
    """
    while True:
        if not leads():
            await pause(FOLLOW_SECONDS)
            continue
        try:
            if ended := await sessions.sweep():
                log.debug("sessions forgotten", count=ended)
        except StoreBusy as busy:
            log.warning("sessions not swept", reason=str(busy))
        await pause(SESSIONS_SECONDS)


async def sweep_uploads(
    sweep: UploadSweep,
    now: Callable[[], datetime],
    waits: timedelta,
    leads: Callable[[], bool],
    pause: Pause = asyncio.sleep,
) -> None:
    """Forget uploads whose matter never came, once an hour, for ever.

    waits: how long they may be handed in; they are forgotten an hour later, when nobody is at it.
    pause: waits so many seconds.
    """
    while True:
        if not leads():
            await pause(FOLLOW_SECONDS)
            continue
        try:
            if forgotten := await sweep.run(now() - waits - UPLOADS_GRACE):
                log.info("uploads forgotten", count=forgotten)
        except (StoreBusy, OSError) as trouble:
            log.warning("uploads not swept", reason=str(trouble))
        await pause(UPLOADS_SECONDS)
