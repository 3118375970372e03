"""A phone switch: calls it exports become drafts; result files tell it what became of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import structlog
from pydantic import Field, model_validator

from connectors.base import Body, Page
from connectors.phone_log import codes
from connectors.phone_log.client import Export, Folder, Mark, OversizedFile
from connectors.phone_log.records import NotAnExport, decoded, rows_of
from connectors.phone_log.translate import (
    Layout,
    call_of,
    intakes_from_body,
    result_of,
    row_body,
)
from schemas.areas import NO_AREAS, AreaCode, AreaTable
from schemas.errors import CredentialRefused, PeerUnavailable
from schemas.intake import Intake
from schemas.matter import Frozen
from schemas.outbound import Outbound, Receipt
from schemas.ticket import Source

_LOOKS_BEFORE_WARNING = 20
_log = structlog.get_logger(__name__)
_Answer = TypeVar("_Answer")


class Settings(Frozen):
    """[peers.<name>] with dialect = "phone_log"."""

    folder: Path = Field(description="watched: where the switch puts its exports")
    done: Path | None = Field(
        None, description="where a file goes once it is read; none: done/ below the folder"
    )
    rejected: Path | None = Field(
        None, description="where a file goes that is no export; none: rejected/ below the folder"
    )
    results: Path | None = Field(
        None, description="where the switch finds what became of calls; none: results/ below it"
    )
    switch_id: str = Field(
        "switch",
        min_length=1,
        max_length=40,
        description="names the switch: with the call number it names a call, over all files",
    )
    poll_seconds: float = Field(5.0, gt=0, description="pause between two looks at the folder")
    marker: str = Field(
        "",
        pattern=r"^(\.[A-Za-z0-9]{1,10})?$",
        description="suffix of the file beside an export that says it is whole, as .ok; "
        "empty: it is whole when two looks see it unchanged",
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="our field -> the export's header, where they differ"
    )
    areas_by_called: dict[str, AreaCode] = Field(
        default_factory=dict, description="beginning of the number called -> area code 属地"
    )
    page_rows: int = Field(200, ge=1, le=5000, description="calls kept in one transaction")
    most_bytes: int = Field(
        64 * 1024 * 1024, ge=1, description="of one file; a larger one is rejected"
    )

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        if unknown := set(self.columns) - set(codes.COLUMNS):
            raise ValueError(f"columns: no such field {', '.join(sorted(unknown))}")
        headers = list({**codes.COLUMNS, **self.columns}.values())
        if len(set(headers)) != len(headers):
            raise ValueError("columns: two fields under one header")
        return self


@dataclass(frozen=True)
class _Sorted:
    """A file's rows by what becomes of them."""

    bodies: list[Body]
    bad: list[tuple[int, str]]
    abandoned: int  # nobody answered: no matter was told, so no draft
    repeated: int  # the same call again in this file


@dataclass
class _Looks:
    """What the last look at the folder saw; a file must be seen twice unchanged."""

    marks: dict[str, Mark] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)  # looks at an unchanged file not yet whole


@dataclass(frozen=True)
class PhoneLogConnector:
    name: str
    folder: Folder
    layout: Layout
    switch_id: str
    poll_seconds: float
    page_rows: int
    source: Source = Source.PHONE_LOG
    _looks: _Looks = field(default_factory=_Looks, compare=False)

    async def check(self) -> None:
        await self._blocking(self.folder.check)

    async def poll(self, cursor: str) -> AsyncIterator[Page]:
        """Yield the rows of whole files, oldest file first.

        The folder itself is the cursor: a file is moved only when the caller comes back for more
        after its last page, which says that the page is kept. Stopped before that, the file is
        read again, and its calls are known by their numbers.
        """
        before, now = self._looks.marks, await self._blocking(self.folder.look)
        self._looks.marks = now
        for name in sorted(now, key=lambda one: (now[one].changed_ns, one)):
            try:
                seen = before.get(name)
                export = await self._blocking(partial(self.folder.read, name, seen))
                if export is None:
                    self._note_unfinished(name, unchanged=seen == now[name])
                    continue
                found = await asyncio.to_thread(self._sort, export)
            except (NotAnExport, OversizedFile) as refusal:
                why = str(refusal)
                await self._blocking(partial(self.folder.reject, name, why))
                _log.warning("export rejected", peer=self.name, file=name, why=why)
                continue
            for start in range(0, len(found.bodies), self.page_rows):
                yield Page(found.bodies[start : start + self.page_rows], name)
            await self._finish(export, found)

    def translate(self, body: bytes) -> tuple[Intake, ...]:
        return intakes_from_body(body, self.name, self.layout)

    async def deliver(self, outbound: Outbound) -> Receipt:
        content = result_of(outbound)
        name = await self._blocking(
            lambda: self.folder.write_result(outbound.key, content), changes=True
        )
        return Receipt(peer_code="written", peer_answer=name)

    async def ask(self, outbound: Outbound) -> Receipt | None:
        there = await self._blocking(lambda: self.folder.has_result(outbound.key))
        return Receipt(peer_code="written") if there else None

    async def close(self) -> None:
        """Nothing is held open."""

    def _sort(self, export: Export) -> _Sorted:
        required = frozenset(self.layout.columns[name] for name in codes.REQUIRED)
        bodies: dict[str, Body] = {}
        bad: list[tuple[int, str]] = []
        abandoned = repeated = 0
        for row in rows_of(decoded(export.content), export.form, required):
            if row.cells is None:
                bad.append((row.line, row.problem))
                continue
            try:
                call = call_of(row.cells, self.layout)
                content = row_body(row.cells)
            except (TypeError, ValueError) as error:
                bad.append((row.line, str(error)))
                continue
            number = f"{self.switch_id}:{call.call_no}"
            if call.abandoned:
                abandoned += 1
            elif number in bodies:
                repeated += 1
            else:
                bodies[number] = Body(content, number)
        return _Sorted(list(bodies.values()), bad, abandoned, repeated)

    async def _finish(self, export: Export, found: _Sorted) -> None:
        moved = await self._blocking(lambda: self.folder.finish(export, found.bad))
        self._looks.same.pop(export.path.name, None)
        report = _log.warning if found.bad else _log.info
        report(
            "export read" if moved else "export grew while it was read",
            peer=self.name,
            file=export.path.name,
            calls=len(found.bodies),
            bad=len(found.bad),
            abandoned=found.abandoned,
            repeated=found.repeated,
        )

    def _note_unfinished(self, name: str, *, unchanged: bool) -> None:
        count = self._looks.same.get(name, 0) + 1 if unchanged else 0
        self._looks.same[name] = count
        if count == _LOOKS_BEFORE_WARNING:  # once: somebody must look at it
            _log.warning("export never finished", peer=self.name, file=name)

    async def _blocking(self, work: Callable[[], _Answer], *, changes: bool = False) -> _Answer:
        """Run in a thread. Raises: CredentialRefused when the folder's rights forbid it,
        PeerUnavailable for any other trouble with the file system."""
        try:
            return await asyncio.to_thread(work)
        except PermissionError as error:
            raise CredentialRefused(self.name, f"no right: {error.strerror}") from error
        except OSError as error:
            words = error.strerror or type(error).__name__
            raise PeerUnavailable(self.name, words, uncertain=changes) from error


def build(name: str, settings: Settings, *, areas: AreaTable = NO_AREAS) -> PhoneLogConnector:
    root = settings.folder
    folder = Folder(
        incoming=root,
        done=settings.done or root / "done",
        rejected=settings.rejected or root / "rejected",
        results=settings.results or root / "results",
        marker=settings.marker or None,
        most_bytes=settings.most_bytes,
    )
    layout = Layout({**codes.COLUMNS, **settings.columns}, settings.areas_by_called, areas)
    return PhoneLogConnector(
        name, folder, layout, settings.switch_id, settings.poll_seconds, settings.page_rows
    )
