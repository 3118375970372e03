"""The URLs of store and broker: what can be said of them before anything is opened."""

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from streams.kafka.access import SCHEME, KafkaAccess, KafkaSettingsWrong

DATABASES = "sqlite+aiosqlite:///path or postgresql+asyncpg://user:password@host/database"
BROKERS = "sqlite:///path or kafka://host:port"


def url_problems(database: str, broker: str) -> Iterator[str]:
    """What is wrong with the URLs and what to do; a password in them is never repeated."""
    if problem := _database_problem(database):
        yield f"database_url: {problem}"
    if problem := _broker_problem(broker):
        yield f"broker_url: {problem}"


def _database_problem(url: str) -> str | None:
    scheme = url.partition(":")[0]
    match scheme:
        case "sqlite+aiosqlite":
            return None if _has_path(url) else f"no file in it; write {DATABASES}"
        case "postgresql+asyncpg":
            if not _has_host(url):
                return f"no host in it, or a port that is no number; write {DATABASES}"
            if find_spec("asyncpg") is None:
                return "PostgreSQL needs its driver: pip install 'sutong[postgresql]'"
            return None
    return f"no store on {scheme!r}; write {DATABASES}"


def _broker_problem(url: str) -> str | None:
    scheme = url.partition(":")[0]
    if scheme == SCHEME:
        try:
            KafkaAccess.of(url)
        except KafkaSettingsWrong as wrong:
            return str(wrong)
        return None
    if scheme != "sqlite":
        return f"no broker on {scheme!r}; write {BROKERS}, or leave it empty"
    return None if _has_path(url) else f"no file in it; write {BROKERS}, or leave it empty"


def _has_path(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return bool(scheme) and rest.partition("?")[0].strip("/") != "" and rest.startswith("/")


def _has_host(url: str) -> bool:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # no number
        return False
    return parts.hostname is not None and port != 0
