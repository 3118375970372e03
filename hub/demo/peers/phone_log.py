"""The simulated phone switch: writes call records in steps, reads the results back into its book.

Exports appear as real switches write them: half first, the rest later; calls may be repeated in a
later file, rows may be broken, the encoding may be GBK.
"""

import csv
import io
import json
import os
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from connectors.phone_log import codes
from hub.demo.peers.books import Book, Update
from hub.demo.peers.faults import Fault, Faults
from schemas.ids import split_event_id
from schemas.ticket import State

_TIME = "%Y-%m-%d %H:%M:%S"
Row = Mapping[str, str]


class PhoneSwitch:
    """folder: shared with the hub. now: the switch's clock, aware.

    A call is taken down by `call`, comes into a file by `export` (or in two steps by `begin_export`
    and `end_export`), and is answered for in `book` after `read_results`.
    """

    def __init__(
        self,
        folder: Path,
        faults: Faults,
        now: Callable[[], datetime],
        *,
        rng: random.Random | None = None,
        marker: str = "",
    ) -> None:
        self.folder, self.faults, self.marker = folder, faults, marker
        self.results = folder / "results"
        self.book = Book()
        self.ticket_nos: dict[str, str] = {}  # by call number, as the results say
        self.calls: dict[str, dict[str, str]] = {}  # every row that was taken down
        self.abandoned = self.bad_rows = 0
        self._now = now
        self._rng = rng or random.Random(1)
        self._waiting: list[Row] = []  # not exported yet
        self._exported: list[Row] = []
        self._files = 0
        self._rest: tuple[Path, bytes] | None = None
        self._read: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def call(
        self, caller: str, summary: str = "", *, called: str = "12345", answered: bool = True
    ) -> str:
        """Take down a call that ends now; its number is returned."""
        call_no = f"C{len(self.calls) + 1:09d}"
        end = self._now().astimezone(codes.ZONE)
        start = end - timedelta(seconds=self._rng.randrange(40, 600))
        row = {
            "call_no": call_no,
            "caller": caller,
            "called": called,
            "started_at": start.strftime(_TIME),
            "answered_at": (start + timedelta(seconds=9)).strftime(_TIME) if answered else "",
            "ended_at": end.strftime(_TIME),
            "operator_no": f"{self._rng.randrange(1001, 1060)}" if answered else "",
            "queue": "民生服务",
            "summary": summary,
        }
        self.calls[call_no] = row
        self.abandoned += not answered
        self._waiting.append({codes.COLUMNS[name]: cell for name, cell in row.items()})
        return call_no

    def export(self, form: str = "csv", encoding: str = "utf-8") -> Path:
        """Write what waits into a new file at once."""
        self.begin_export(form, encoding)
        return self.end_export()

    def begin_export(self, form: str = "csv", encoding: str = "utf-8") -> Path:
        """Write the first half of a new file, cut in the middle of a line.

        form: csv or jsonl. encoding: utf-8, utf-8-sig or gbk.
        """
        rows = [*self._again(), *self._waiting]
        self._exported += self._waiting
        self._waiting = []
        text = _csv(rows) if form == "csv" else _jsonl(rows)
        if self.faults.strikes(Fault.GARBAGE):
            self.bad_rows += 1
            text += "此行不是通话记录\n"
        content = text.encode(encoding)
        self._files += 1
        path = self.folder / f"cdr_{self._files:05d}.{form}"
        half = max(1, len(content) * 2 // 3)
        path.write_bytes(content[:half])
        self._rest = (path, content[half:])
        return path

    def end_export(self) -> Path:
        """Write the rest, and the marker if the switch uses one."""
        if self._rest is None:
            raise LookupError("no export was begun")
        path, rest = self._rest
        with path.open("ab") as file:
            file.write(rest)
        if self.marker:
            path.with_name(path.name + self.marker).touch()
        self._rest = None
        return path

    def read_results(self) -> int:
        """Take new result files into the book; how many there were."""
        if not self.results.is_dir():
            return 0
        names = {name for name in os.listdir(self.results) if name.endswith(".json")}  # noqa: PTH208 - thousands, each second
        fresh = sorted(name for name in names - self._read if not name.startswith("."))
        for name in fresh:
            self._take(json.loads((self.results / name).read_bytes()))
            self._read.add(name)
        return len(fresh)

    def _take(self, record: Mapping[str, str]) -> None:
        event, _, _ = record["key"].partition(".")
        _, sequence = split_event_id(int(event))
        call_no = record["call_no"]
        if call_no not in self.calls:
            raise LookupError(f"a result for a call that never was: {call_no}")
        at = datetime.fromisoformat(record["at"])
        state = State(record["state"]).value
        self.book.apply(Update(call_no, record["key"], state, sequence, at))
        self.ticket_nos[call_no] = record["ticket_no"]

    def _again(self) -> list[Row]:
        if self._exported and self.faults.strikes(Fault.DUPLICATE):
            return [self._rng.choice(self._exported)]
        return []


def _csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(codes.COLUMNS.values()), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _jsonl(rows: list[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
