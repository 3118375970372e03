"""What a `sqlite://` broker URL says: the file, and how durable and how patient the broker is.

`sqlite:///var/log.db` is relative to the working folder, `sqlite:////var/log.db` is absolute:
the rule of database URLs, because both stand side by side in one settings file.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from yarl import URL

SCHEME = "sqlite"
SYNCHRONOUS = ("FULL", "NORMAL", "OFF")


class BrokerUrlRefused(ValueError):
    """The broker URL cannot be used; the message says which part and what is allowed."""


@dataclass(frozen=True)
class BrokerSettings:
    """One log file's settings; every field but `path` may stand in the URL's query.

    `synchronous` is SQLite's: FULL survives power loss; NORMAL survives a killed process only,
    so use it where nobody outside was told "got it".
    """

    path: Path
    synchronous: str = "FULL"
    linger_ms: float = 2.0  # how long the first record of a group waits for company
    group_records: int = 5_000  # records in one transaction
    fetch_records: int = 500  # per partition and fetch
    fetch_bytes: int = 4 * 1024 * 1024  # per partition and fetch; one larger record still passes
    pending_records: int = 20_000  # accepted, not yet written: beyond this `send` waits
    pending_bytes: int = 32 * 1024 * 1024
    lag_limit: int = 20_000  # unread records of a partition beyond which its senders are slowed
    lag_pause_ms: float = 20.0  # the longest pause of one send; never a full stop, so no deadlock
    retention_days: float = 7.0  # for topics that name none and are not compacted
    tombstone_hours: float = 24.0  # how long a deleted key is still told to a reader of a changelog
    stop_grace_seconds: float = 10.0  # how long a stopping worker waits for events in work
    maintenance_seconds: float = 300.0  # between two runs of retention and compaction

    @classmethod
    def from_url(cls, url: URL | str) -> Self:
        """Read the URL; raise BrokerUrlRefused on an unknown setting or a missing folder."""
        url = URL(url)
        if url.scheme != SCHEME or url.host or not url.path.strip("/"):
            raise BrokerUrlRefused(
                f"{url}: expected sqlite:///relative/log.db or sqlite:////absolute/log.db"
            )
        kinds = {field.name: field.type for field in fields(cls) if field.name != "path"}
        values: dict[str, str | int | float] = {}
        for name, text in url.query.items():
            if name not in kinds:
                raise BrokerUrlRefused(f"{url}: unknown setting {name!r}; known: {sorted(kinds)}")
            values[name] = _value(name, text, kinds[name])
        path = Path(url.path.removeprefix("/"))
        if not path.parent.is_dir():
            raise BrokerUrlRefused(
                f"{url}: there is no folder {path.parent.absolute()}; create it, "
                "or write four slashes (sqlite:////...) for an absolute path"
            )
        return cls(path, **values)  # type: ignore[arg-type]  # checked against the fields above


def _value(name: str, text: str, kind: object) -> str | int | float:
    if name == "synchronous":
        if text.upper() not in SYNCHRONOUS:
            raise BrokerUrlRefused(f"synchronous={text}: one of {', '.join(SYNCHRONOUS)}")
        return text.upper()
    try:
        value = int(text) if kind is int else float(text)
    except ValueError:
        raise BrokerUrlRefused(f"{name}={text}: not a number") from None
    # a pause or a linger of nothing is a choice; nothing of anything else stops the broker
    if value < 0 or (value == 0 and name not in {"linger_ms", "lag_pause_ms", "tombstone_hours"}):
        raise BrokerUrlRefused(f"{name}={text}: must be greater than zero")
    return value
