"""The calendar's book: years with all their versions, and the working calendar made of them."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, insert, select

from schemas.calendar_year import CalendarYear
from schemas.working_calendar import WorkingCalendar
from ticket_store.book import Book
from ticket_store.calendar_models import calendar_years
from ticket_store.calendar_seed import seed_years
from ticket_store.digests import compact
from ticket_store.engine import Database
from ticket_store.upsert import insert_missing
from ticket_store.writer import AuditEntry, Writer

SEED = "system:calendar"
_YEAR = calendar_years.c


class CalendarBook(Book):
    """hours: gives opening hours, lunch and zone; its years are replaced by the store's."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        now: Callable[[], datetime],
        hours: WorkingCalendar | None = None,
    ) -> None:
        super().__init__(database, writer)
        self._now = now
        self._hours = hours or WorkingCalendar({})
        self._current: WorkingCalendar | None = None

    def calendar(self) -> WorkingCalendar:
        """The calendar as of the last `load` or import here.

        Raises: LookupError before the first `load`: a calendar without years would count wrongly.
        """
        if self._current is None:
            raise LookupError("the calendar is not loaded yet")
        return self._current

    async def load(self) -> WorkingCalendar:
        """Read the years again (another process may have imported one); seeds an empty table."""
        years = await self.years()
        if not years:
            await self._seed()
            years = await self.years()
        numbered = {year.year: year for year in years}
        hours = self._hours
        self._current = WorkingCalendar(
            numbered, hours.opens, hours.closes, hours.lunch, hours.zone
        )
        return self._current

    async def years(self) -> list[CalendarYear]:
        """The years in force, by number: the newest version of each."""
        newest: dict[int, CalendarYear] = {}
        for year in await self._all():
            newest[year.year] = year  # in order of version
        return list(newest.values())

    async def versions(self, year: int) -> list[CalendarYear]:
        """All versions of a year, the oldest first."""
        return [one for one in await self._all() if one.year == year]

    async def import_year(self, year: CalendarYear, by: str) -> CalendarYear:
        """Put a year in force as its next version; the same days again change nothing.

        Returns what is in force now.
        """

        def work(connection: Connection) -> tuple[CalendarYear, bool]:
            bodies = connection.execute(
                select(_YEAR.body).where(_YEAR.year == year.year).order_by(_YEAR.version.desc())
            ).scalars()
            newest = next(map(CalendarYear.model_validate_json, bodies), None)
            version = 1 if newest is None else newest.version + 1
            wanted = year.model_copy(update={"version": version})
            if newest is not None and wanted == newest.model_copy(update={"version": version}):
                return newest, False
            self._add(connection, wanted, by)
            return wanted, True

        def audit(result: tuple[CalendarYear, bool]) -> list[AuditEntry]:
            now_in_force, added = result
            facts = {"version": str(now_in_force.version), "source": now_in_force.source}
            entry = AuditEntry(by, "calendar_imported", str(year.year), compact(facts))
            return [entry] if added else []

        in_force, _ = await self._write(work, audit=audit)
        await self.load()
        return in_force

    async def _seed(self) -> None:
        years = seed_years()

        def work(connection: Connection) -> None:
            if connection.execute(select(_YEAR.year).limit(1)).first() is None:
                add = insert_missing(connection.dialect, calendar_years)  # another may seed, too
                for year in years:
                    connection.execute(add.values(**self._row(year, SEED)))

        await self._write(work)

    async def _all(self) -> list[CalendarYear]:
        wanted = select(_YEAR.body).order_by(_YEAR.year, _YEAR.version)
        bodies = await self._read(lambda connection: connection.execute(wanted).scalars().all())
        return [CalendarYear.model_validate_json(body) for body in bodies]

    def _add(self, connection: Connection, year: CalendarYear, by: str) -> None:
        connection.execute(insert(calendar_years).values(**self._row(year, by)))

    def _row(self, year: CalendarYear, by: str) -> dict[str, object]:
        return {
            "year": year.year,
            "version": year.version,
            "body": year.model_dump_json(),
            "imported_by": by,
            "imported_at": self._now(),
        }
