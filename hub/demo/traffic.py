"""Sends a day's tickets over all sources, and what citizens and superiors do to them afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.demo.city import City, Matter
from hub.demo.peers.hotline12345 import NewOrder
from hub.demo.peers.web_portal import Taken
from hub.demo.town import Town
from schemas.matter import MatterKind, Urgency
from schemas.ticket import Source
from schemas.working_calendar import HUB_ZONE

# of ten tickets: how a city's matters come in, roughly
_MIX = (
    (Source.HOTLINE12345,) * 4
    + (Source.PROVINCIAL,) * 2
    + (Source.PHONE_LOG,) * 2
    + (Source.WEB_PORTAL,) * 2
)
_FIRST = tuple(dict.fromkeys(_MIX))  # so that a handful of tickets has all sources
_APPEALS = {kind: str(number) for number, kind in enumerate(
    (MatterKind.INQUIRY, MatterKind.HELP, MatterKind.COMPLAINT, MatterKind.TIP_OFF,
     MatterKind.SUGGESTION, MatterKind.PRAISE), 1)}  # fmt: skip
_HOTLINE_URGENCY = {Urgency.NORMAL: "0", Urgency.URGENT: "1", Urgency.CRITICAL: "2"}
_PROVINCE_URGENCY = {Urgency.NORMAL: "1", Urgency.URGENT: "2", Urgency.CRITICAL: "3"}
_AFTERWARDS = {"supplement": 0.12, "remind": 0.08, "amend": 0.08, "withdraw": 0.04}
_CALLS_A_FILE = 3
_CITIZENS = 16  # who hand in a matter at the portal at the same time
_HALF_SECONDS = 0.5  # that an export lies there half written
_LATER = 8  # tickets that come in between at most
_FORMS = (("csv", "utf-8"), ("csv", "gbk"), ("jsonl", "utf-8"), ("jsonl", "gbk"))


@dataclass
class Traffic:
    """sent: tickets by source. pace_seconds: between two tickets, on average."""

    town: Town
    city: City
    rng: random.Random
    now: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    sent: Counter[Source] = field(default_factory=Counter)
    _later: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    _calls: int = 0
    _texts: str = ""
    _half_written: bool = False
    _portal_room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CITIZENS))

    async def send(
        self,
        count: int | None,
        pace_seconds: float = 0.0,
        stop: asyncio.Event | None = None,
        *,
        steady: bool = False,
    ) -> None:
        """Send `count` tickets (None: until `stop`), then what is still to come of them.

        steady: what comes late does not move what follows, so that the rate is kept.
        """
        sources, due = self._sources(), asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as citizens:
            for number, matter in enumerate(self.city.matters()):
                if number == count or (stop is not None and stop.is_set()):
                    break
                source = next(sources)
                self.sent[source] += 1
                if source is Source.WEB_PORTAL:
                    citizens.create_task(self._submit(matter))
                else:
                    self._take(source, matter)
                self._do_what_is_due()
                wait = pace_seconds * self.rng.uniform(0.5, 1.5)
                due += wait
                if steady:
                    wait = max(0.0, due - asyncio.get_running_loop().time())
                await self._breathe(wait, stop)
            self._do_what_is_due(everything=True)
            if self._calls:
                self._export(half=False)
            self._write_the_rest()

    async def _breathe(self, seconds: float, stop: asyncio.Event | None) -> None:
        """Pause, but not beyond `stop`."""
        if stop is None:
            return await self.pause(seconds)
        waits = [asyncio.ensure_future(self.pause(seconds)), asyncio.create_task(stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        return None

    def _sources(self) -> Iterator[Source]:
        yield from _FIRST
        while True:
            yield from self.rng.sample(_MIX, len(_MIX))

    def _take(self, source: Source, matter: Matter) -> None:
        if source is Source.HOTLINE12345:
            self._order(matter)
        elif source is Source.PROVINCIAL:
            self._issue(matter)
        else:
            self._call(matter)

    def _order(self, matter: Matter) -> None:
        """Every second one is pushed."""
        hotline = self.town.hotline
        number = hotline.place(
            NewOrder(
                title=matter.title,
                content=matter.text,
                appeal_type=_APPEALS[matter.kind],
                urgency=_HOTLINE_URGENCY[matter.urgency],
                area_code=matter.area_code,
                place=matter.place,
                citizen={"name": matter.citizen, "phone": matter.phone},
                accused={"name": matter.accused} if matter.accused else None,
                taken_at=self._came_in(matter),
            ),
            pushed=self.sent[Source.HOTLINE12345] % 2 == 0,
        )
        acts: dict[str, Callable[[], None]] = {
            "supplement": lambda: hotline.supplement(number, "昨晚又发生了一次。"),
            "remind": lambda: hotline.remind(number, "上级平台催办，请尽快答复。"),
            "amend": lambda: hotline.amend(number, content=matter.text + "（已核对地址）"),
            "withdraw": lambda: hotline.withdraw(number, "问题已自行解决"),
        }
        self._plan(acts)

    def _issue(self, matter: Matter) -> None:
        province = self.town.province
        number = f"P{self.now():%y%m%d}{self.sent[Source.PROVINCIAL]:06d}"
        fields = {
            "title": matter.title,
            "content": matter.text,
            "appealType": _APPEALS[matter.kind],
            "urgency": _PROVINCE_URGENCY[matter.urgency],
            "areaCode": matter.area_code,
            "place": matter.place,
            "citizenName": matter.citizen,
            "citizenPhone": matter.phone,
            "issueTime": f"{self._came_in(matter).astimezone(HUB_ZONE):%Y-%m-%d %H:%M:%S}",
        }
        if matter.accused:
            fields["accusedName"] = matter.accused
        province.issue(number, **fields)
        national = self.rng.random() < 0.3  # noqa: PLR2004 - a share
        acts: dict[str, Callable[[], None]] = {
            "supplement": lambda: province.supplement(number, "来信人补充了照片说明。"),
            "remind": lambda: province.remind(number, "请抓紧办理并反馈。", national=national),
            "amend": lambda: province.issue(number, content=matter.text + "（省平台更正）"),
            "withdraw": lambda: province.withdraw(number, "来信人撤诉"),
        }
        self._plan(acts)

    def _call(self, matter: Matter) -> None:
        """Calls come in files, now and then half written first."""
        self.town.switch.call(matter.phone, matter.text, called="051212345")
        if self.rng.random() < 0.1:  # noqa: PLR2004 - a share
            self.town.switch.call(matter.phone, answered=False)
        self._calls += 1
        self._texts += matter.text
        if self._calls >= _CALLS_A_FILE:
            self._export(half=self.rng.random() < 0.5)  # noqa: PLR2004 - a share

    def _export(self, *, half: bool) -> None:
        form, encoding = self.rng.choice(_FORMS)
        if encoding == "gbk" and not _fits_gbk(self._texts):
            encoding = "utf-8"
        self._calls, self._texts = 0, ""
        self._write_the_rest()
        self.town.switch.begin_export(form, encoding)
        self._half_written = True
        if half:
            asyncio.get_running_loop().call_later(_HALF_SECONDS, self._write_the_rest)
        else:
            self._write_the_rest()

    def _write_the_rest(self) -> None:
        if self._half_written:
            self._half_written = False
            self.town.switch.end_export()

    async def _submit(self, matter: Matter) -> None:
        form = {
            "title": matter.title,
            "text": matter.text,
            "kind": matter.kind.value,
            "area_code": matter.area_code,
            "citizen": {"name": matter.citizen, "phone": matter.phone},
        }
        if matter.accused:
            form["accused"] = {"name": matter.accused}
        after = {name: self.rng.random() < share for name, share in _AFTERWARDS.items()}
        wait = self.rng.uniform(0.5, 3)
        portal = self.town.portal
        async with self._portal_room:
            taken: Taken = await portal.submit(form)
        if after["supplement"]:
            await self.pause(wait)
            await portal.supplement(taken, "附近邻居也可以作证。")
        if after["withdraw"]:
            await self.pause(wait)
            await portal.withdraw(taken, "已经解决，撤回诉求")

    def _came_in(self, matter: Matter) -> datetime:
        """Just now; but some critical matters came in this morning and are late already, and some
        urgent ones are near their limit."""
        before = timedelta()
        if matter.urgency is Urgency.CRITICAL:
            before = timedelta(hours=self.rng.choice((0, 1.7, 3, 5)))
        elif matter.urgency is Urgency.URGENT:
            before = timedelta(hours=self.rng.choice((0, 0, 1, 20, 26)))
        return self.now() - before

    def _plan(self, acts: dict[str, Callable[[], None]]) -> None:
        for name, share in _AFTERWARDS.items():
            if self.rng.random() < share:
                self._later.append((self.rng.randint(1, _LATER), acts[name]))

    def _do_what_is_due(self, *, everything: bool = False) -> None:
        waiting = [(left - 1, act) for left, act in self._later]
        self._later = [one for one in waiting if one[0] > 0 and not everything]
        for left, act in waiting:
            if left <= 0 or everything:
                act()


def _fits_gbk(text: str) -> bool:
    try:
        text.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True
