"""Builds every object once and hands it down by argument; nothing else in the hub builds."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.base import Connector
from connectors.registry import Peer, PeersWrong, build_peers
from hub.broker import prepare_broker
from hub.calendar import clock_policy, hours_of
from hub.keys import secret_key
from hub.limits import limits_of
from hub.settings import Settings
from hub.settings_sections import SignIn
from hub.stored import utc_now
from routing.catalogue import Catalogue
from routing.proposer import Proposer, build_proposer
from schemas.clock_running import ClockPolicy
from schemas.events import Recorded
from schemas.ids import TicketIds
from schemas.rules import Rules
from schemas.sla import LimitRule
from schemas.ticket import Source, Ticket
from schemas.working_calendar import HUB_ZONE
from ticket_store.attachments import AttachmentLimits
from ticket_store.migrations import migrate
from ticket_store.passwords import SignInPolicy
from ticket_store.reading import ReadingSettings
from ticket_store.store import Store, open_store

Now = Callable[[], datetime]


@dataclass(frozen=True)
class Hub:
    """What worker, web and commands are made of. What a process in service holds, it is given by
    hub.node; else its number is that of the settings, unguarded.
    """

    settings: Settings
    key: bytes
    store: Store
    peers: Mapping[str, Peer]
    catalogue: Catalogue
    proposer: Proposer
    limits: tuple[LimitRule, ...]
    ids: TicketIds
    now: Now
    node: int = 0
    holder: str = ""  # names this process in leases
    earlier: str | None = None  # whose place this process has taken, gone for certain
    is_gone: Callable[[str], bool] = lambda holder: False

    @property
    def connectors(self) -> dict[str, Connector]:
        return {name: peer.connector for name, peer in self.peers.items()}

    @property
    def portal(self) -> str | None:
        """The settings entry of the citizens' portal; None when there is none.

        Raises: PeersWrong when there are two: the portal API would not know whose matter it takes.
        """
        portals = [
            name for name, peer in self.peers.items() if peer.connector.source is Source.WEB_PORTAL
        ]
        if len(portals) > 1:
            raise PeersWrong([f"peers.{portals[1]}: a second web_portal; one portal a hub"])
        return portals[0] if portals else None

    def clock_policy(self) -> ClockPolicy:
        """Limits and calendar as they stand now."""
        return clock_policy(self.settings, self.limits, self.store.calendars.calendar())

    async def close(self) -> None:
        for connector in self.connectors.values():
            await connector.close()
        await self.store.close()


def owed_to(peers: Mapping[str, Peer]) -> Callable[[Ticket, Recorded], tuple[str, ...]]:
    """Who is owed an event: the peer that the ticket came from, if it takes events of the kind."""

    def owes(ticket: Ticket, recorded: Recorded) -> tuple[str, ...]:
        peer = peers.get(ticket.peer or "")
        if peer is None or recorded.event.kind not in peer.pushed:
            return ()
        return (peer.connector.name,)

    return owes


def _sign_in_policy(told: SignIn) -> SignInPolicy:
    return SignInPolicy(
        idle=timedelta(minutes=told.idle_minutes),
        longest=timedelta(hours=told.longest_hours),
        failures_allowed=told.failures,
        locked_for=timedelta(minutes=told.lock_minutes),
        password_age=timedelta(days=told.password_days),
    )


async def build(
    settings: Settings,
    *,
    now: Now = utc_now,
    migrating: bool = False,
    ids: TicketIds | None = None,
) -> Hub:
    """Open the store and build what stands on it.

    ids:       of a process in service; default: those of the settings' number, unguarded.
    migrating: bring an older or empty store up to date first, and make missing topics; else such a
               store is refused.
    Raises: StoreNotMigrated, PeersWrong, CatalogueWrong, StoreBusy; migrating: KafkaAway,
    TopicsWrong.
    """
    catalogue, proposer = build_proposer(
        lambda: now().astimezone(HUB_ZONE).date(),
        catalogue_file=settings.dispatch.catalogue,
        areas_file=settings.dispatch.areas,
        rules_file=settings.dispatch.rules,
    )
    peers = build_peers(settings.peers, catalogue.areas)
    settings.home.mkdir(parents=True, exist_ok=True)
    key = secret_key(settings.home)
    if migrating:
        await migrate(settings.database)
        await prepare_broker(settings)
    node = settings.node or 0
    ids = ids or TicketIds(lambda: int(now().timestamp() * 1000), node)
    store = await open_store(
        settings.database,
        rules=Rules(
            extensions_allowed=settings.lifecycle.extensions_allowed,
            send_backs_before_ruling=settings.lifecycle.send_backs_before_ruling,
            knows_department=catalogue.knows,
        ),
        owes=owed_to(peers),
        ids=ids,
        now=now,
        department_name=catalogue.name,
        reading=ReadingSettings(
            uploads=settings.home / "uploads",
            personal_key=key,
            limits=AttachmentLimits(largest_bytes=settings.limits.upload_bytes),
            sign_in=_sign_in_policy(settings.sign_in),
            hours=hours_of(settings.clocks),
        ),
    )
    return Hub(
        settings=settings,
        key=key,
        store=store,
        peers=peers,
        catalogue=catalogue,
        proposer=proposer,
        limits=limits_of(settings.clocks.limits_file),
        ids=ids,
        now=now,
        node=node,
        holder=f"{socket.gethostname()}:{node}",
    )
