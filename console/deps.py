"""What the console is given: the store, the catalogue, clock, calendar, limits and settings.

Nothing here is global; `hub.assembly` builds one `Deps` and hands it to `console.app`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from aiohttp import web

from console.live import LiveHub
from schemas.default_limits import DEFAULT_LIMITS
from schemas.sla import LimitRule
from schemas.ticket import Source
from schemas.working_calendar import WorkingCalendar
from ticket_store.store import Store


class DepartmentEntry(Protocol):
    """A department as the console shows it."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def duties(self) -> Sequence[str]: ...


class Catalogue(Protocol):
    """The departments of the city; `routing.catalogue` has the real one."""

    @property
    def categories(self) -> Sequence[str]: ...

    def departments(self) -> Sequence[DepartmentEntry]: ...

    def name(self, code: str) -> str:
        """The Chinese name, also of a department that is gone; else the code itself."""
        ...

    def search(self, words: str, limit: int = 20) -> Sequence[DepartmentEntry]:
        """By part of the name, a duty or keyword, or the initials of the name's pinyin."""
        ...


@dataclass(frozen=True)
class ConsoleSettings:
    """The part of the hub's settings that the console reads.

    secure_cookies: cookies travel over https only; off for a hub that is reached by plain http.
    org_name:       the name beside the product's in the top bar.
    areas:          jurisdiction code -> name, offered when a matter is registered.
    """

    secure_cookies: bool = False
    org_name: str = "市民诉求协同中心"
    sign_in_per_minute: int = 20
    limit_loopback: bool = False
    areas: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Deps:
    """
    calendar:  a call, because an imported notice replaces the calendar while the hub runs.
    monotonic: seconds on a clock that never goes back.
    peers:     settings entries of the platforms, and what kind each is.
    """

    store: Store
    catalogue: Catalogue
    calendar: Callable[[], WorkingCalendar]
    now: Callable[[], datetime]
    live: LiveHub
    settings: ConsoleSettings = ConsoleSettings()
    limits: Sequence[LimitRule] = DEFAULT_LIMITS
    extensions_allowed: int = 1
    monotonic: Callable[[], float] = time.monotonic
    peers: Mapping[str, Source] = field(default_factory=dict)

    def department_name(self, code: str | None) -> str:
        return self.catalogue.name(code) if code else ""


DEPS: web.AppKey[Deps] = web.AppKey("deps", Deps)
