"""Rows of an older system, made up."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DEPARTMENT = "cgj"
SYSTEM = "history"


def row(number: str = "OLD-1", **changes: Any) -> dict[str, Any]:
    """A closed ticket of 2016 with all its times."""
    whole = {
        "number": number,
        "state": "closed",
        "received_at": "2016-05-07 10:00:00",
        "title": "路灯不亮",
        "text": "小区门口的路灯三天不亮。",
        "kind": "help",
        "area_code": "320508",
        "citizen": {"name": "王某", "phone": "13800001234"},
        "departments": [DEPARTMENT],
        "accepted_at": "2016-05-07 10:05:00",
        "dispatched_at": "2016-05-07T11:00:00+08:00",
        "acknowledged_at": "2016-05-07T04:00:00Z",
        "completed_at": "2016-05-09 09:00:00",
        "closed_at": "2016-05-10 09:00:00",
        "result": "已更换灯泡。",
        "reply": "路灯已修好。",
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def bare(number: str, state: str, **more: Any) -> dict[str, Any]:
    """Only what must be there, and what is given."""
    return {
        "number": number, "state": state, "received_at": "2016-05-07 10:00", "text": "路灯不亮。",
    } | more  # fmt: skip


def write(path: Path, rows: Iterable[Any]) -> Path:
    """As JSON Lines; a text is a line as it stands. Packed when the name says so."""
    lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in rows]
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
