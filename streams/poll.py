"""Peers that are asked: page by page into rows, the cursor saved with the page it ends."""

import structlog

from connectors.base import Polling
from schemas.errors import ConnectorError, CredentialRefused, PeerUnavailable
from streams.deps import StreamDeps

log = structlog.get_logger(__name__)

_LONGEST_BACK_OFF = 300.0


class Poller:
    """One peer. Says once that it is lost and once that it is back."""

    def __init__(self, connector: Polling, deps: StreamDeps) -> None:
        self._connector, self._deps = connector, deps
        self._part = deps.progress.part(part_name(connector.name))
        self._checked = False
        self._failures = 0
        self._held = False

    async def once(self) -> bool:
        """Keep all pages that are there. Failures of the peer are told, not raised."""
        try:
            await self._pages()
        except CredentialRefused as error:
            if not self._held:
                log.error(  # noqa: TRY400 - no trace: the fact is all
                    "credentials refused", peer=self._connector.name, code=error.peer_code
                )
            self._held, self._checked = True, False
        except ConnectorError as error:
            self._lost(error)
        else:
            if self._failures or self._held:
                log.info("peer back", peer=self._connector.name)
            self._failures, self._held = 0, False
        return False

    def pause(self) -> float:
        """Seconds until the next poll; longer each time the peer fails, longest without access."""
        if self._held:
            return self._deps.timing.held
        wait = self._connector.poll_seconds * 2.0 ** min(self._failures, 16)
        return min(wait, max(_LONGEST_BACK_OFF, self._connector.poll_seconds))

    async def _pages(self) -> None:
        connector, inbound = self._connector, self._deps.store.inbound
        if not self._checked:
            await connector.check()
            self._checked = True
        async for page in connector.poll(await inbound.cursor(connector.name)):
            await inbound.keep_page(connector.name, connector.source, page, self._deps.now())
            self._part.moves()

    def _lost(self, error: ConnectorError) -> None:
        self._failures += 1
        if self._failures == 1:
            say = log.warning if isinstance(error, PeerUnavailable) else log.error
            say(
                "peer lost",
                peer=self._connector.name,
                code=error.peer_code,
                kind=type(error).__name__,
            )


def part_name(peer: str) -> str:
    return f"poll-{peer}"


def pollers(deps: StreamDeps) -> list[tuple[str, Poller]]:
    """Each with the name of its loop."""
    return [
        (part_name(name), Poller(connector, deps))
        for name, connector in deps.connectors.items()
        if isinstance(connector, Polling)
    ]
