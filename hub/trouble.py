"""Expected trouble in words for the person on duty: what is wrong, where, and what to do."""

import errno
import socket
import sqlite3

from connectors.registry import PeersWrong
from hub.limits import LimitsWrong
from hub.settings import SettingsWrong
from hub.stored import NoStore
from routing.catalogue_file import CatalogueWrong
from schemas.errors import HubError, StoreBusy
from streams.embedded import BrokerUrlRefused, LogInUse
from streams.embedded.schema import LogNotUnderstood
from streams.kafka.access import KafkaSettingsWrong
from streams.kafka.topics import KafkaAway, TopicsWrong
from ticket_store.migrations import StoreNotUsable
from ticket_store.store import StoreNotMigrated

FAILED, WRONG_USAGE = 1, 2
EXPECTED = (HubError, LogInUse, LogNotUnderstood, BrokerUrlRefused, OSError, sqlite3.Error)
NO_STORE_REMEDY = (
    "Is SUTONG_HOME the folder that you mean? `sutong migrate` makes a new store there, and so "
    "does `sutong run`"
)
KAFKA_REMEDY = "Is the address right, is it up, does it know our user and certificate?"
_HOST_WRONG = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_MEND = "\n`sutong check` shows the rest; `sutong check --example` lists every setting"


def exit_code(error: BaseException) -> int:
    """2 when settings or the files they name are wrong: starting again will not help; else 1."""
    wrong = (
        SettingsWrong,
        PeersWrong,
        LimitsWrong,
        CatalogueWrong,
        BrokerUrlRefused,
        KafkaSettingsWrong,
    )
    return WRONG_USAGE if isinstance(error, wrong) else FAILED


def explain(error: BaseException) -> str:
    """The lines that stand on stderr when a command ends because of `error`."""
    match error:
        case SettingsWrong():
            text = f"the settings cannot be used:\n{_list(error.problems)}{_MEND}"
        case PeersWrong():
            text = f"the peers' settings cannot be used:\n{_list(error.problems)}{_MEND}"
        case CatalogueWrong():
            text = f"{error.file} cannot be used:\n{_list(error.problems)}"
        case NoStore():
            text = f"there is no store: {error}. {NO_STORE_REMEDY}"
        case StoreNotMigrated():
            text = f"the store is older than the program: {error}. Run `sutong migrate` first"
        case StoreNotUsable():
            text = f"the store cannot be used: {error}. {store_remedy(error)}"
        case StoreBusy():
            text = f"the store cannot be used now: {error}. {store_remedy(error)}"
        case BrokerUrlRefused() | LogNotUnderstood() | sqlite3.Error():
            text = _embedded(error)
        case KafkaSettingsWrong() | KafkaAway() | TopicsWrong():
            text = _kafka(error)
        case OSError():
            text = _operating_system(error)
        case _:
            text = str(error)
    return text


def store_remedy(error: StoreBusy | StoreNotUsable) -> str:
    """What to do about a store that cannot be opened or written."""
    if isinstance(error, StoreNotUsable):
        return (
            "Mend SUTONG_DATABASE_URL, start the newer program again, or restore a backup "
            "(docs/runbook)"
        )
    return (
        "Is the disk full, is the file readable and its folder writable by the hub's user, is the "
        "database up? Then start again"
    )


def _embedded(error: Exception) -> str:
    if isinstance(error, BrokerUrlRefused):
        return f"SUTONG_BROKER_URL: {error}"
    remedy = "" if isinstance(error, LogNotUnderstood) else ". Is the disk full, the folder ours?"
    return f"the broker's file cannot be used: {error}{remedy}"


def _kafka(error: KafkaSettingsWrong | KafkaAway | TopicsWrong) -> str:
    match error:
        case KafkaSettingsWrong():
            return f"the broker's settings cannot be used: {error}{_MEND}"
        case KafkaAway():
            return f"Kafka cannot be used: {error}. {KAFKA_REMEDY}"
    return (
        f"Kafka's topics cannot be used: {error}. Delete them while the hub stands: "
        "`sutong migrate` makes them anew, and what was in them is offered again"
    )


def _list(problems: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"  {problem}" for problem in problems)


def _operating_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    if isinstance(error, socket.gaierror):
        return f"host: {reason}. Name an address of this machine in SUTONG_HOST"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{reason}. Another program listens there: stop it, "
            "or choose another port with --port or SUTONG_PORT"
        )
    if error.errno in _HOST_WRONG:
        return f"{reason}. Name an address of this machine in SUTONG_HOST"
    place = f"{error.filename}: " if error.filename else ""
    remedy = "Let the hub's user read and write there, or name another folder in SUTONG_HOME"
    return f"{place}{reason}. {remedy}" if place else reason
