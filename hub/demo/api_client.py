"""The people's side of the JSON API: what the console's pages ask, asked by a program.

Every act is safe to repeat: its Idempotency-Key comes from ticket, version and action, so a hub
that died before it answered gets the same command again.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

TRANSIENT = frozenset({429, 502, 503, 504})
NOT_NOW = frozenset({403, 404, 409, 422})  # somebody was quicker, or the table says no


class HubGone(Exception):
    """The hub did not answer for longer than the caller is willing to wait."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A command that the hub answered: the ticket's version after it and the events it made."""

    ticket_id: int
    version: int
    kinds: tuple[str, ...]


class ApiClient:
    """One hub's API, called by several people, each with a token of his own.

    acknowledged:     every command that was answered as done.
    patience_seconds: how long a call is repeated while the hub is away.
    """

    def __init__(
        self,
        base_url: str,
        *,
        patience_seconds: float = 60.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base_url = base_url
        self.acknowledged: list[Acknowledged] = []
        self._http = httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False)
        self._patience, self._pause = patience_seconds, pause

    async def close(self) -> None:
        await self._http.aclose()

    async def call(
        self, method: str, path: str, token: str, *, key: str | None = None, **request: Any
    ) -> httpx.Response:
        """One call, repeated while the hub is away.

        Raises: HubGone after the patience is used up.
        """
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        waited, wait = 0.0, 0.1
        while True:
            try:
                answer = await self._http.request(method, path, headers=headers, **request)
            except httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code not in TRANSIENT:
                    return answer
                reason = f"HTTP {answer.status_code}"
            if waited >= self._patience:
                raise HubGone(f"{method} {path}: {reason} after {waited:.0f} s")
            await self._pause(wait)
            waited, wait = waited + wait, min(wait * 2, 1.0)

    async def tickets(self, token: str, **filters: Any) -> list[dict[str, Any]]:
        """Every row that the filters find, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            asked = filters | {"limit": 100} | ({"cursor": cursor} if cursor else {})
            answer = await self.call("GET", "/api/v1/tickets", token, params=asked)
            answer.raise_for_status()
            page = answer.json()
            rows += page["tickets"]
            if (cursor := page["cursor"]) is None:
                return rows

    async def ticket(self, token: str, ticket_id: int, *, unmask: bool = False) -> dict[str, Any]:
        """One ticket. unmask: with the citizen's data in full, which is audited."""
        asked = {"unmask": "true"} if unmask else {}
        answer = await self.call("GET", f"/api/v1/tickets/{ticket_id}", token, params=asked)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def act(
        self,
        token: str,
        ticket: Mapping[str, Any],
        action: str,
        fields: Mapping[str, Any] | None = None,
        *,
        by: str = "",
    ) -> bool:
        """Do `action` on the ticket as it was read; False when it is not possible any more.

        by: tells several people apart who do the same on the same version.
        Raises: httpx.HTTPStatusError for answers that no lawful act gets.
        """
        ticket_id, version = ticket["ticket_id"], ticket["version"]
        answer = await self.call(
            "POST",
            f"/api/v1/tickets/{ticket_id}/actions/{action}",
            token,
            key=f"{ticket_id}:{version}:{action}:{by}",
            json=dict(fields or {}),
        )
        if answer.status_code in NOT_NOW:
            return False
        answer.raise_for_status()
        done = answer.json()
        # a day has many and few kinds: the words are kept once
        kinds = tuple(sys.intern(kind) for kind in done["events"])
        self.acknowledged.append(Acknowledged(ticket_id, done["version"], kinds))
        return True
