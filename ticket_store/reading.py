"""Builds the books of the reading side and has the projection follow the desk."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select

from schemas.working_calendar import WorkingCalendar
from ticket_store.attachments import AttachmentBook, AttachmentLimits
from ticket_store.calendars import CalendarBook
from ticket_store.clocks import ClockBook
from ticket_store.desk import Desk
from ticket_store.engine import Database
from ticket_store.passwords import Passwords, SignInPolicy
from ticket_store.people import PeopleBook
from ticket_store.personal_keys import PersonalKeys
from ticket_store.projection import Projection
from ticket_store.search import Search
from ticket_store.search_models import own_keys
from ticket_store.upsert import insert_missing
from ticket_store.writer import Unit, Writer

_KEY_NAME, _KEY_BYTES = "personal_digests", 32


@dataclass(frozen=True)
class ReadingSettings:
    """personal_key: for digests of phones and names; None: one that the store makes and keeps.

    uploads: folder of attachments.  hours: opening hours, lunch and zone of the calendar.
    """

    uploads: Path
    personal_key: bytes | None = None
    limits: AttachmentLimits | None = None
    sign_in: SignInPolicy | None = None
    passwords: Passwords | None = None
    hours: WorkingCalendar | None = None


@dataclass(frozen=True)
class Reading:
    projection: Projection
    search: Search
    clocks: ClockBook
    people: PeopleBook
    calendars: CalendarBook
    attachments: AttachmentBook


async def open_reading(
    database: Database,
    writer: Writer,
    desk: Desk,
    now: Callable[[], datetime],
    settings: ReadingSettings,
) -> Reading:
    """Call once a process, before the first command; the calendar is loaded when it returns."""
    keys = PersonalKeys(settings.personal_key or await _own_key(writer))
    projection = Projection(database.dialect, keys)
    calendars = CalendarBook(database, writer, now, settings.hours)
    await calendars.load()
    desk.follow(projection.follow)
    return Reading(
        projection=projection,
        search=Search(database, keys, now),
        clocks=ClockBook(database, writer),
        people=PeopleBook(database, writer, now, settings.sign_in, settings.passwords),
        calendars=calendars,
        attachments=AttachmentBook(database, writer, now, settings.uploads, settings.limits),
    )


async def _own_key(writer: Writer) -> bytes:
    """The store's own key; the first process makes it, whoever comes at the same time gets it."""
    fresh = secrets.token_bytes(_KEY_BYTES)

    def errand(unit: Unit) -> bytes:
        connection: Connection = unit.connection
        add = insert_missing(connection.dialect, own_keys)
        connection.execute(add.values(name=_KEY_NAME, key=fresh))
        kept: bytes = connection.execute(
            select(own_keys.c.key).where(own_keys.c.name == _KEY_NAME)
        ).scalar_one()
        return kept

    return await writer.run(errand)
