"""Tickets, actors and commands for the tests of the lifecycle; a way to walk a ticket along."""

import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas import commands as cmd
from schemas.decide import apply, decide, event_time
from schemas.events import Event
from schemas.lifecycle import Action
from schemas.matter import Matter
from schemas.parties import Actor, Citizen, Role
from schemas.proposal import Candidate, Proposal
from schemas.rules import Rules
from schemas.ticket import DispatchForm, Registration, Source, State, Ticket

NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
TICKET_ID = 245_366_873_341_952
RULES = Rules(knows_department=lambda code: code.startswith("d"))
DEPARTMENT = "d1"


def actor(*roles: Role, department: str | None = None) -> Actor:
    return Actor(
        actor_id="+".join(roles) or "nobody", roles=frozenset(roles), department=department
    )


OPERATOR = actor(Role.OPERATOR)
DISPATCHER = actor(Role.DISPATCHER)
REVIEWER = actor(Role.REVIEWER)
LEADER = actor(Role.LEADER)
CITIZEN = actor(Role.CITIZEN)
SYSTEM = actor(Role.SYSTEM)
MACHINE = actor(Role.MACHINE)
PEER = actor(Role.PEER)


def handler(department: str = DEPARTMENT) -> Actor:
    return actor(Role.HANDLER, department=department)


def registration(source: Source = Source.HOTLINE12345, **changes: Any) -> Registration:
    return Registration(
        matter=Matter(title="路灯不亮", text="小区门口的路灯三天不亮。", area_code="320508"),
        citizen=Citizen(name="王某", phone="13800001234"),
        source=source,
        received_at=NOW,
        **changes,
    )


_PROPOSAL = Proposal(candidates=(Candidate(department=DEPARTMENT, probability=0.6),))
# What each action needs beside ticket, actor and time; enough for a ticket in its plainest form.
FIELDS: dict[Action, dict[str, Any]] = {
    Action.SAVE_DRAFT: {"registration": registration(Source.PHONE_LOG)},
    Action.REGISTER: {"registration": registration()},
    Action.DISCARD: {"reason": "空号"},
    Action.DECLINE: {"reason": "不属受理范围"},
    Action.ASK_DECLINE: {"reason": "不属本市管辖"},
    Action.REFUSE_DECLINE: {"reason": "属本市管辖"},
    Action.AMEND: {"reason": "更正", "matter": Matter(title="更正", text="更正后的内容")},
    Action.SUPPLEMENT: {"text": "补充"},
    Action.NOTE_PEER_UPDATE: {"peer_updated_at": NOW + timedelta(days=1)},
    Action.ANSWER_DIRECTLY: {"text": "答复"},
    Action.PROPOSE: {"proposal": _PROPOSAL},
    Action.DISPATCH: {"departments": (DEPARTMENT,)},
    Action.REDISPATCH: {"departments": ("d2",)},
    Action.RETURN_TO_INTAKE: {"reason": "信息不全"},
    Action.GIVE_FEEDBACK: {"text": "已到现场"},
    Action.MEDIATE: {"agreed": True, "text": "双方同意"},
    Action.COMPLETE: {"result": "已修复"},
    Action.ASK_SEND_BACK: {"reason": "非我局职责"},
    Action.GRANT_SEND_BACK: {"review_no": 1},
    Action.REFUSE_SEND_BACK: {"review_no": 1, "reason": "属该局职责"},
    Action.RULE_FINALLY: {"review_no": 1, "departments": ("d2",)},
    Action.REQUEST_EXTENSION: {"working_days": 3, "reason": "等待鉴定"},
    Action.GRANT_EXTENSION: {"review_no": 1},
    Action.REFUSE_EXTENSION: {"review_no": 1, "reason": "理由不足"},
    Action.RETURN_CLOSURE: {"reason": "未答复诉求"},
    Action.REDISPATCH_CLOSURE: {"departments": ("d2",)},
    Action.REPLY: {"text": "已修复，感谢反映"},
    Action.FOLLOW_UP: {"satisfied": True, "resolved": True},
    Action.REWORK: {"reason": "仍不亮"},
    Action.RATE: {"rating": 5},
    Action.CLOSE: {"reason": "办结"},
    Action.CLOSE_UNRATED: {"reason": "逾期未评价"},
    Action.SUSPEND: {"reason": "等待诉讼"},
    Action.WITHDRAW: {"reason": "已解决"},
    Action.REMIND: {"text": "请尽快办理"},
    Action.ANSWER_REMINDER: {"reminder_no": 1, "text": "正在办理"},
    Action.WARN: {"clock": "total", "level": "near", "arithmetic": {}},
    Action.ISSUE_CARD: {"clock": "total", "colour": "red", "arithmetic": {}},
    Action.MERGE: {"into": TICKET_ID + 1, "reason": "重复件"},
    Action.NOTE_REFUSAL: {"destination": "city", "peer_code": "E1", "detail": "no"},
}


def command(action: Action, who: Actor, **changes: Any) -> Any:
    """The command of an action with its plainest fields, some of them changed."""
    common: dict[str, Any] = {
        "command_id": uuid.uuid4(), "ticket_id": TICKET_ID, "actor": who, "at": NOW,
    }  # fmt: skip
    return cmd.COMMANDS[action](**(common | FIELDS.get(action, {}) | changes))


class Walk:
    """A ticket, its head and its history, moved by commands."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.head: Ticket | None = None
        self.history: list[tuple[datetime, Event]] = []

    @property
    def ticket(self) -> Ticket:
        assert self.head is not None
        return self.head

    def do(self, action: Action, who: Actor, **changes: Any) -> "Walk":
        return self.execute(command(action, who, **changes))

    def execute(self, asked: cmd.Command) -> "Walk":
        events = decide(self.head, asked, self.rules)
        if events:
            at = event_time(self.head, asked)
            self.head = apply(self.head, events, TICKET_ID, at)
            self.history += [(at, event) for event in events]
        return self

    def open_review(self) -> int:
        return self.ticket.open_reviews[-1].review_no


def registered(source: Source = Source.HOTLINE12345, **changes: Any) -> Walk:
    return Walk().do(Action.REGISTER, OPERATOR, registration=registration(source, **changes))


def accepted(source: Source = Source.HOTLINE12345) -> Walk:
    return registered(source).do(Action.ACCEPT, OPERATOR)


def dispatched(
    departments: Iterable[str] = (DEPARTMENT,), form: DispatchForm = DispatchForm.SINGLE
) -> Walk:
    return accepted().do(Action.DISPATCH, DISPATCHER, departments=tuple(departments), form=form)


def acknowledged(source: Source = Source.HOTLINE12345) -> Walk:
    walk = accepted(source).do(Action.DISPATCH, DISPATCHER)
    return walk.do(Action.ACKNOWLEDGE, handler())


def completed(source: Source = Source.HOTLINE12345) -> Walk:
    return acknowledged(source).do(Action.COMPLETE, handler())


_WAYS: dict[State, Callable[[], Walk]] = {
    State.DRAFT: lambda: Walk().do(Action.SAVE_DRAFT, SYSTEM),
    State.DISCARDED: lambda: in_state(State.DRAFT).do(Action.DISCARD, OPERATOR),
    State.RECEIVED: registered,
    State.ACCEPTED: accepted,
    State.DISPATCHED: dispatched,
    State.ACKNOWLEDGED: acknowledged,
    State.COMPLETED: completed,
    State.AWAITING_REPLY: lambda: completed().do(Action.PASS_CLOSURE, REVIEWER),
    State.AWAITING_FOLLOW_UP: lambda: in_state(State.AWAITING_REPLY).do(Action.REPLY, OPERATOR),
    State.AWAITING_RATING: lambda: (
        completed(Source.WEB_PORTAL)
        .do(Action.PASS_CLOSURE, REVIEWER)
        .do(Action.REPLY, OPERATOR)
        .do(Action.FOLLOW_UP, OPERATOR)
    ),
    State.CLOSED: lambda: completed().do(Action.CLOSE, REVIEWER),
    State.ARCHIVED: lambda: in_state(State.CLOSED).do(Action.ARCHIVE, SYSTEM),
    State.DECLINED: lambda: registered().do(Action.DECLINE, OPERATOR),
    State.WITHDRAWN: lambda: registered().do(Action.WITHDRAW, CITIZEN),
    State.SUSPENDED: lambda: acknowledged().do(Action.SUSPEND, LEADER),
    State.MERGED: lambda: registered().do(Action.MERGE, OPERATOR),
}


def in_state(state: State) -> Walk:
    """A ticket that has come to `state` by lawful steps."""
    return _WAYS[state]()
