"""Who calls: the bearer token of a request, believed for a few seconds before it is asked again."""

import hashlib
import re
from collections.abc import Callable

from aiohttp import web

from console.api.deps import FindToken
from console.api.problems import FORBIDDEN, UNAUTHORIZED, Problem
from schemas.parties import Actor, Role
from ticket_store.people_values import WORKERS

_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/-]{8,200}=*)", re.IGNORECASE | re.ASCII)
_MOST_KEPT = 4096
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="sutong"'}


class Tokens:
    """Unknown tokens are never remembered: a new one works at once."""

    def __init__(
        self, find: FindToken, keep_seconds: float, monotonic: Callable[[], float]
    ) -> None:
        self._find, self._keep, self._monotonic = find, keep_seconds, monotonic
        self._known: dict[bytes, tuple[Actor, float]] = {}

    async def actor(self, request: web.Request, roles: frozenset[Role] = WORKERS) -> Actor:
        """Raises: Problem 401 without a good token, 403 when it has none of `roles`."""
        given = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        actor = await self._actor_of(given[1]) if given else None
        if actor is None:
            raise Problem(UNAUTHORIZED, "unauthorized", headers=_CHALLENGE)
        if not actor.roles & roles:
            raise Problem(FORBIDDEN, "not_entitled")
        return actor

    async def _actor_of(self, secret: str) -> Actor | None:
        digest, now = hashlib.sha256(secret.encode()).digest(), self._monotonic()
        known = self._known.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        actor = await self._find(secret)
        if actor is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[digest] = (actor, now + self._keep)
        return actor
