"""What the API is given. Nothing here is global; `hub.web` builds one `ApiDeps`."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from console.deps import Catalogue
from schemas.parties import Actor
from ticket_store.store import Store

FindToken = Callable[[str], Awaitable[Actor | None]]


@dataclass(frozen=True)
class ApiDeps:
    """
    find_token:         secret of a token -> who acts; None when unknown, expired or revoked.
    token_keep_seconds: how long a token is believed without asking again, so the longest time
                        that a revoked one still works.
    monotonic:          seconds on a clock that never goes back.
    """

    store: Store
    catalogue: Catalogue
    now: Callable[[], datetime]
    find_token: FindToken
    extensions_allowed: int = 1
    token_keep_seconds: float = 3.0
    monotonic: Callable[[], float] = time.monotonic
