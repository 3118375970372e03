"""The four simulated peers of a demo on loopback, their settings entries, and what they claim."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from connectors.hotline12345 import codes as hotline_codes
from connectors.phone_log import codes as switch_codes
from connectors.provincial import codes as provincial_codes
from connectors.signing import Keys
from connectors.web_portal import codes as portal_codes
from hub.demo.claims import Claim
from hub.demo.peers.faults import PLANS, Fault, Faults
from hub.demo.peers.hotline12345 import Hotline12345Peer
from hub.demo.peers.phone_log import PhoneSwitch
from hub.demo.peers.provincial import ProvincialPeer
from hub.demo.peers.web_portal import PortalPeer
from schemas.ticket import State
from ticket_store.inbound import InboundBook

_SECRET = "loopback only: {}"  # noqa: S105 - of simulated peers
_HUB_KEY = "sutong-demo"
_CALLS_AREAS = {"0512": "320508"}
# what a version or document of a peer is about -> the event that it makes
_HOTLINE_ACTS = {"supplemented": "matter_supplemented", "reminded": "reminder_sent"}
_PROVINCE_ACTS = {"supplement": "matter_supplemented", "reminder": "reminder_sent"}
_PORTAL_ACTS = {"supplements": "matter_supplemented", "rating": "ticket_rated"}


class Town:
    """12345 platform, province, phone switch and portal.

    plan:    none, some or hard. suffix: tells the peers of several runs on one store apart.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        plan: str,
        now: Callable[[], datetime],
        suffix: str = "",
        page_size: int = 100,
    ) -> None:
        def rng(part: str) -> random.Random:
            return random.Random(f"{seed}:{part}")

        def faults(part: str) -> Faults:
            return Faults(PLANS[plan], rng(f"faults {part}"))

        def name(part: str) -> str:
            return f"{part}{suffix}"

        def keys(app_key: str, part: str) -> Keys:
            return Keys(app_key, _SECRET.format(part))

        self.hotline_name, self.province_name = name("hotline"), name("province")
        self.switch_name, self.portal_name = name("switch"), name("portal")
        self._keys = {
            "hub to hotline": keys(_HUB_KEY, "hub to hotline"),
            "hotline to hub": keys("hotline-demo", "hotline to hub"),
            "hub to portal": keys(_HUB_KEY, "hub to portal"),
        }
        self._page_size = page_size
        self.hotline = Hotline12345Peer(
            now,
            rng("hotline"),
            faults("hotline"),
            hub_keys=self._keys["hub to hotline"],
            push_keys=self._keys["hotline to hub"],
        )
        self.province = ProvincialPeer(faults("province"), now, app_key=_HUB_KEY)
        self.switch = PhoneSwitch(folder / "calls", faults("switch"), now, rng=rng("switch"))
        self.portal = PortalPeer(
            now, rng("portal"), faults("portal"), hub_keys=self._keys["hub to portal"]
        )

    @property
    def names(self) -> tuple[str, ...]:
        return (self.hotline_name, self.province_name, self.switch_name, self.portal_name)

    @property
    def struck(self) -> Counter[Fault]:
        """What went wrong on purpose so far."""
        peers = (self.hotline, self.province, self.switch, self.portal)
        return sum((peer.faults.struck for peer in peers), Counter[Fault]())

    def entries(self, poll_seconds: float) -> dict[str, dict[str, Any]]:
        """[peers.*] of a hub that talks to this town; the peers must have been started."""
        ours, theirs = self._keys["hub to hotline"], self._keys["hotline to hub"]
        return {
            self.hotline_name: {
                "dialect": "hotline12345",
                "url": self.hotline.url,
                "app_key": ours.app_key,
                "app_secret": ours.secret,
                "peer_app_key": theirs.app_key,
                "peer_app_secret": theirs.secret,
                "poll_seconds": poll_seconds,
                "page_size": self._page_size,
            },
            self.province_name: {
                "dialect": "provincial",
                "url": self.province.endpoint,
                "app_key": self.province.app_key,
                "app_secret": self.province.secret,
                "poll_seconds": poll_seconds,
                "page_size": self._page_size,
            },
            self.switch_name: {
                "dialect": "phone_log",
                "folder": str(self.switch.folder),
                "poll_seconds": poll_seconds,
                "areas_by_called": dict(_CALLS_AREAS),
            },
            self.portal_name: {
                "dialect": "web_portal",
                "callback_url": self.portal.callback_url,
                "app_key": self._keys["hub to portal"].app_key,
                "app_secret": self._keys["hub to portal"].secret,
            },
        }

    async def __aenter__(self) -> Self:
        self._servers = AsyncExitStack()
        for peer in (self.hotline, self.province, self.portal):
            await self._servers.enter_async_context(peer)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._servers.aclose()

    async def unread(self, inbound: InboundBook) -> list[str]:
        """What lies at a peer and the hub has not taken yet, in words."""
        hotline = len(self.hotline.feed) - int(await inbound.cursor(self.hotline_name) or 0)
        province = len(self.province.messages) - int(await inbound.cursor(self.province_name) or 0)
        files = len([*self.switch.folder.glob("cdr_*")])
        counts = {
            "versions in the hotline's feed": hotline,
            "documents at the province": province,
            "exports of calls": files,
            "pushes of the hotline": len(self.hotline.pushes),
        }
        return [f"{count} {what}" for what, count in counts.items() if count]

    def claims(self) -> list[Claim]:
        """What each peer handed in, and what it was told, from its own books."""
        self.switch.read_results()
        return [self._hotline(), self._province(), self._switch(), self._portal()]

    def _hotline(self) -> Claim:
        orders = self.hotline.orders
        return Claim(
            peer=self.hotline_name,
            numbers=frozenset(orders),
            book=self.hotline.book,
            codes=hotline_codes.STATE_CODES,
            told=hotline_codes.PUSHED,
            bodies=frozenset((*self.hotline.feed, *self.hotline.pushes.acknowledged)),
            garbage=frozenset(self.hotline.garbage),
            acts=Counter(
                (number, _HOTLINE_ACTS[kind])
                for number, order in orders.items()
                for kind in _kinds(order.versions)
                if kind in _HOTLINE_ACTS
            ),
        )

    def _province(self) -> Claim:
        return Claim(
            peer=self.province_name,
            numbers=frozenset(self.province.tickets),
            book=self.province.book,
            codes=provincial_codes.STATE_CODES,
            told=provincial_codes.PUSHED,
            bodies=frozenset(document.encode() for document in self.province.messages),
            garbage=frozenset(document.encode() for document in self.province.unreadable),
            acts={
                (number, _PROVINCE_ACTS[name]): count
                for (number, name), count in self.province.notes.items()
                if name in _PROVINCE_ACTS
            },
        )

    def _switch(self) -> Claim:
        answered = (no for no, call in self.switch.calls.items() if call["answered_at"])
        return Claim(
            peer=self.switch_name,
            numbers=frozenset(answered),
            book=self.switch.book,
            codes={state: state.value for state in State},
            told=switch_codes.PUSHED,
        )

    def _portal(self) -> Claim:
        acts = {
            (number, _PORTAL_ACTS[what]): count
            for (number, what), count in self.portal.acts.items()
            if what in _PORTAL_ACTS
        }
        return Claim(
            peer=self.portal_name,
            numbers=frozenset(taken.ticket_no for taken in self.portal.taken.values()),
            ours=True,
            book=self.portal.book,
            codes=portal_codes.STATE_CODES,
            told=portal_codes.PUSHED,
            acts=acts,
            taken=acts,
            changed=self.portal.changed,
        )


def _kinds(versions: list[bytes]) -> Iterator[str]:
    for version in versions:
        event: Mapping[str, Any] = json.loads(version)["event"]
        yield event["type"]
