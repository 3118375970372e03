"""Plays the people's part of a city's day over the JSON API: operators, dispatchers, departments,
reviewers and leaders who work through their lists until nothing waits for them."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.demo.api_client import ApiClient
from hub.demo.story import Story, story_of

Row = Mapping[str, Any]
# what departments do takes them longer than a call or a click takes others
_LONG = frozenset({"dispatched", "acknowledged"})


@dataclass(frozen=True)
class Cast:
    """The tokens of those who act. handlers: department code -> token."""

    operator: str
    dispatcher: str
    reviewer: str
    leader: str
    handlers: Mapping[str, str]


class People:
    """Everybody who works in the centre and the departments.

    at_once:  tickets that are worked on at the same time.
    share:    of what waits that is taken up in one round; below 1 the lists stay filled, so that
              somebody who looks on can see and do something.
    sensible: dispatch to whom the machine proposes, if it does; else to whom the dice choose, so
              that all departments have to do with all matters.
    """

    def __init__(
        self,
        api: ApiClient,
        cast: Cast,
        seed: int,
        *,
        at_once: int = 8,
        share: float = 1.0,
        sensible: bool = False,
    ) -> None:
        self._api, self._cast, self._seed, self._sensible = api, cast, seed, sensible
        self.share, self._rng = share, random.Random(f"people:{seed}")
        self.haste_of_departments = 1.0  # of their share; only where the share is below 1
        self._departments = tuple(sorted(cast.handlers))
        self._room = asyncio.Semaphore(at_once)
        self._steps: Mapping[str, Callable[[Row, Story], Awaitable[bool]]] = {
            "draft": self._register_draft,
            "received": self._receive,
            "accepted": self._dispatch,
            "dispatched": self._handle,
            "acknowledged": self._handle,
            "suspended": self._resume,
            "completed": self._review_closure,
            "awaiting_reply": self._reply,
            "awaiting_follow_up": self._follow_up,
        }

    @property
    def states(self) -> tuple[str, ...]:
        """The states in which a ticket waits for people."""
        return tuple(self._steps)

    async def work_once(self) -> int:
        """Go through every list once; how many acts were done."""
        rows = [
            row
            for row in await self._api.tickets(self._cast.leader, state=list(self.states))
            if self.share >= 1 or self._rng.random() < self._chance(row)
        ]
        return sum(await asyncio.gather(*(self._work_on(row) for row in rows)))

    def _chance(self, row: Row) -> float:
        return self.share * (self.haste_of_departments if row["state"] in _LONG else 1)

    async def _work_on(self, row: Row) -> bool:
        async with self._room:
            story = story_of(self._seed, row["ticket_id"], self._departments)
            if self._sensible and await self._answer_reminder(row):
                return True
            return await self._steps[row["state"]](row, story)

    async def _register_draft(self, row: Row, story: Story) -> bool:
        """The operator completes what the call left; one call in the demo is a wrong number."""
        if story.declined:
            return await self._operator(row, "discard", {"reason": "无效来电"})
        found = await self._api.ticket(self._cast.operator, row["ticket_id"], unmask=True)
        registration = found["registration"]
        matter = registration["matter"] | {"kind": "complaint"}
        if self._sensible:
            matter["title"] = _first_clause(matter["text"])
        return await self._operator(
            row, "register", {"registration": registration | {"matter": matter}, "accept": True}
        )

    async def _answer_reminder(self, row: Row) -> bool:
        """Whether there was one that somebody waits to hear about."""
        ticket = (await self._api.ticket(self._cast.leader, row["ticket_id"]))["ticket"]
        waiting = [one for one in ticket["reminders"] if one["answered_at"] is None]
        if not waiting:
            return False
        fields = {"reminder_no": waiting[0]["reminder_no"], "text": "正在抓紧办理。"}
        for share in ticket["assignments"]:
            if share["round"] == ticket["round"] and share["state"] in ("pending", "acknowledged"):
                return await self._handler(row, share["department"], "answer_reminder", fields)
        return await self._api.act(self._cast.reviewer, row, "answer_reminder", fields)

    async def _receive(self, row: Row, story: Story) -> bool:
        found = (await self._api.ticket(self._cast.reviewer, row["ticket_id"]))["ticket"]
        if _open_review(found, "decline"):
            action, why = (
                ("grant_decline", {})
                if story.satisfied
                else ("refuse_decline", {"reason": "属本市职责"})
            )
            return await self._api.act(self._cast.reviewer, row, action, why)
        if story.declined and not _decline_was_refused(found):
            action = "ask_decline" if found["superior_assigned"] else "decline"
            return await self._operator(row, action, {"reason": "不属于受理范围"})
        return await self._operator(row, "accept", {})

    async def _dispatch(self, row: Row, story: Story) -> bool:
        found = await self._api.ticket(self._cast.dispatcher, row["ticket_id"])
        if story.answered_directly and not found["ticket"]["assignments"]:
            return await self._operator(row, "answer_directly", {"text": "已电话答复诉求人。"})
        *departments, other = await self._chosen(row, story)
        if found["ticket"]["send_backs"]:  # somebody else this time
            return await self._api.act(
                self._cast.dispatcher, row, "dispatch",
                {"form": "single", "departments": [other]},
            )  # fmt: skip
        return await self._api.act(
            self._cast.dispatcher, row, "dispatch",
            {"form": story.form, "departments": departments, "note": "请依法办理。"},
        )  # fmt: skip

    async def _chosen(self, row: Row, story: Story) -> Sequence[str]:
        """As many departments as the story needs; the last takes over what is sent back."""
        if not self._sensible:
            return story.departments
        proposals = [
            event["proposal"]
            for event in await self._history(row)
            if event["kind"] == "proposal_made"
        ]
        proposed = [one["department"] for one in proposals[-1]["candidates"]] if proposals else []
        known = [code for code in (*proposed, *story.departments) if code in self._cast.handlers]
        return list(dict.fromkeys(known))[: len(story.departments)]

    async def _handle(self, row: Row, story: Story) -> bool:
        """What a department, or whoever decides on its requests, does next on this ticket."""
        ticket = (await self._api.ticket(self._cast.leader, row["ticket_id"]))["ticket"]
        if story.suspended and "ticket_suspended" not in await self._events(row):
            fields = {"reason": "等待检验结果"}
            return await self._api.act(self._cast.leader, row, "suspend", fields)
        for review in ticket["reviews"]:
            if review["state"] == "open":
                return await self._decide(row, review, story)
        for share in ticket["assignments"]:
            if share["round"] == ticket["round"] and share["state"] in ("pending", "acknowledged"):
                done = await self._work_on_share(row, ticket, share, story)
                if done:
                    return True
        return False

    async def _decide(self, row: Row, review: Row, story: Story) -> bool:
        number = {"review_no": review["review_no"]}
        if review["final"]:
            fields = number | {"departments": [review["department"]], "note": "终裁"}
            return await self._api.act(self._cast.leader, row, "rule_finally", fields)
        if review["kind"] == "send_back":
            return await self._api.act(self._cast.reviewer, row, "grant_send_back", number)
        return await self._api.act(self._cast.reviewer, row, "grant_extension", number)

    async def _work_on_share(self, row: Row, ticket: Row, share: Row, story: Story) -> bool:
        department = share["department"]
        first_round = ticket["round"] == 1
        if share["state"] == "pending":
            first = next(a for a in ticket["assignments"] if a["round"] == ticket["round"])
            lead = department == first["department"]
            if story.sent_back and first_round and lead and not ticket["finally_ruled"]:
                return await self._handler(
                    row, department, "ask_send_back", {"reason": "非本单位职责"}
                )
            return await self._handler(row, department, "acknowledge", {})
        if story.extension and not _was_reviewed(ticket, "extension"):
            fields = {"working_days": 5, "reason": "需委托第三方鉴定"}
            return await self._handler(row, department, "request_extension", fields)
        events = await self._events(row)
        if events.count("feedback_given") < story.feedback:
            text = {"text": f"第{events.count('feedback_given') + 1}次阶段反馈：已现场核实。"}
            return await self._handler(row, department, "give_feedback", text)
        if story.mediated and "mediation_recorded" not in events:
            fields = {"agreed": story.satisfied, "text": "已组织双方调解。"}
            return await self._handler(row, department, "mediate", fields)
        return await self._handler(
            row, department, "complete", {"result": "已依法处理并告知诉求人。"}
        )

    async def _events(self, row: Row) -> list[str]:
        return [event["kind"] for event in await self._history(row)]

    async def _history(self, row: Row) -> list[Row]:
        answer = await self._api.call(
            "GET", f"/api/v1/tickets/{row['ticket_id']}/events", self._cast.leader
        )
        answer.raise_for_status()
        return [recorded["event"] for recorded in answer.json()["events"]]

    async def _resume(self, row: Row, _story: Story) -> bool:
        return await self._api.act(self._cast.leader, row, "resume", {})

    async def _review_closure(self, row: Row, story: Story) -> bool:
        events = await self._events(row)
        if story.closure_returned and "closure_returned" not in events:
            return await self._api.act(
                self._cast.reviewer, row, "return_closure", {"reason": "未逐项答复"}
            )
        return await self._api.act(self._cast.reviewer, row, "pass_closure", {})

    async def _reply(self, row: Row, _story: Story) -> bool:
        return await self._operator(row, "reply", {"text": "您反映的问题已办理，感谢监督。"})

    async def _follow_up(self, row: Row, story: Story) -> bool:
        if story.reworked and "rework_ordered" not in await self._events(row):
            return await self._operator(row, "rework", {"reason": "诉求人表示问题仍在"})
        fields = {"satisfied": story.satisfied, "resolved": True, "note": "电话回访"}
        return await self._operator(row, "follow_up", fields)

    async def _operator(self, row: Row, action: str, fields: Row) -> bool:
        return await self._api.act(self._cast.operator, row, action, fields)

    async def _handler(self, row: Row, department: str, action: str, fields: Row) -> bool:
        token = self._cast.handlers[department]
        return await self._api.act(token, row, action, fields, by=department)


def _first_clause(text: str) -> str:
    return re.split("[，。；！？【]", text.strip(), maxsplit=1)[0][:40] or "来电反映"


def _open_review(ticket: Row, kind: str) -> bool:
    return any(r["kind"] == kind and r["state"] == "open" for r in ticket["reviews"])


def _was_reviewed(ticket: Row, kind: str) -> bool:
    return any(r["kind"] == kind for r in ticket["reviews"])


def _decline_was_refused(ticket: Row) -> bool:
    return any(r["kind"] == "decline" and r["state"] == "refused" for r in ticket["reviews"])
