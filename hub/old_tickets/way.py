"""From a row to the commands that make its ticket: the way to the state at the end. Pure.

A time that is not known is that of the step before; a text that the lifecycle asks for and the row
has not is said to be unknown.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from hub.old_tickets.row import OldTicket, RowRefused
from schemas import commands as cmd
from schemas.ids import derived_command_id
from schemas.matter import Matter
from schemas.parties import Actor, Role
from schemas.ticket import DispatchForm, HandlingMode, Registration, Source, State

UNKNOWN = "（原系统无记载）"
IMPORTED = "历史工单导入"
EARLIEST = datetime(2001, 1, 1, tzinfo=UTC)  # ids begin with 2000
_TITLE_LENGTH = 40
_ANSWERED_HERE = frozenset(
    {
        State.AWAITING_FOLLOW_UP,
        State.AWAITING_RATING,
        State.CLOSED,
        State.ARCHIVED,
    }
)
_WITH_DEPARTMENTS = frozenset(
    {State.DISPATCHED, State.ACKNOWLEDGED, State.COMPLETED, State.AWAITING_REPLY}
)
_NO_WAY = frozenset({State.DRAFT, State.DISCARDED, State.MERGED, State.SUSPENDED})
_TIMES = tuple(name for name in OldTicket.model_fields if name.endswith("_at"))
# how far a ticket goes that is on its way, and what its steps are called after
_STEPS = (
    State.RECEIVED,
    State.ACCEPTED,
    State.DISPATCHED,
    State.ACKNOWLEDGED,
    State.COMPLETED,
    State.AWAITING_REPLY,
    State.AWAITING_FOLLOW_UP,
    State.AWAITING_RATING,
    State.CLOSED,
    State.ARCHIVED,
)
_FAR = {state: place for place, state in enumerate(_STEPS)}
# fields that may tell its time, the first that is given does; command; who; what
Step = tuple[tuple[str, ...], type[cmd.Command], Actor, dict[str, Any]]


@lru_cache(maxsize=4096)
def _actor(system: str, department: str | None, *roles: Role) -> Actor:
    return Actor(actor_id=f"import:{system}", roles=frozenset(roles), department=department)


def registration_of(row: OldTicket, system: str) -> Registration:
    """Under the number of the peer that waits for it, else under the older system's own."""
    handling = HandlingMode.DISPATCH
    if not row.departments and row.state in _ANSWERED_HERE:
        handling = HandlingMode.ANSWER
    return Registration(
        matter=Matter(
            title=row.title or _title(row.text),
            text=row.text,
            kind=row.kind,
            urgency=row.urgency,
            category_code=row.category_code,
            area_code=row.area_code,
            place=row.place,
        ),
        citizen=row.citizen,
        accused=row.accused,
        source=row.source,
        peer=row.peer or system,
        source_ticket_no=row.peer_ticket_no or row.number,
        superior_assigned=row.superior_assigned,
        received_at=row.received_at,
        handling_mode=handling,
    )


def _title(text: str) -> str:
    return " ".join(text.split())[:_TITLE_LENGTH]


def commands_of(
    row: OldTicket, system: str, ticket_id: int, now: datetime
) -> Iterator[cmd.Command]:
    """In order; each once its step is due.

    Raises: RowRefused.
    """
    _check(row)
    steps = list(_steps(row, system))
    _check_times(row, steps, now)
    at = row.received_at
    additions = sorted(row.supplements, key=lambda one: one.at)
    number = 0
    command_id = _ids(row, system)
    for names, kind, actor, fields in steps:
        due = next((one for one in (getattr(row, name) for name in names) if one), at)
        # what was added comes before the step that may end the ticket
        while additions and number and additions[0].at <= due:
            addition = additions.pop(0)
            at = max(at, addition.at)
            yield cmd.SupplementMatter(
                command_id=command_id(number), ticket_id=ticket_id, at=at,
                actor=_actor(system, None, Role.OPERATOR), text=addition.text,
            )  # fmt: skip
            number += 1
        at = max(at, due)
        yield kind(command_id=command_id(number), ticket_id=ticket_id, at=at, actor=actor, **fields)
        number += 1
    for addition in additions:  # allowed only while the ticket is open
        at = max(at, addition.at)
        yield cmd.SupplementMatter(
            command_id=command_id(number), ticket_id=ticket_id, at=at,
            actor=_actor(system, None, Role.OPERATOR), text=addition.text,
        )  # fmt: skip
        number += 1


def _ids(row: OldTicket, system: str) -> Callable[[int], UUID]:
    return lambda number: derived_command_id(
        row.received_at, "old_ticket", system, row.number, number
    )


def _check(row: OldTicket) -> None:
    state = row.state
    if state in _NO_WAY:
        raise RowRefused(
            f"state {state} cannot be imported",
            "name the state that it would go on in (docs/import.md)", "state_not_imported",
        )  # fmt: skip
    if state in _WITH_DEPARTMENTS and not row.departments:
        raise RowRefused(
            f"state {state} without departments", "name who handles it", "departments_missing"
        )
    if state is State.AWAITING_RATING and row.source is not Source.WEB_PORTAL:
        raise RowRefused(
            "only a ticket of web_portal awaits a rating", "state awaiting_follow_up or closed",
            "rating_elsewhere",
        )  # fmt: skip
    if (row.satisfied is None) != (row.resolved is None):
        raise RowRefused(
            "satisfied and resolved belong together", "give both or none", "follow_up_incomplete"
        )
    if state is State.AWAITING_RATING and row.satisfied is None:
        raise RowRefused(
            "awaiting_rating comes after the follow-up call", "give satisfied and resolved",
            "follow_up_incomplete",
        )  # fmt: skip
    if row.rating is not None and (row.source is not Source.WEB_PORTAL or row.satisfied is None):
        raise RowRefused(
            "a rating belongs to a follow-up of web_portal",
            "give satisfied, or leave rating out", "rating_elsewhere",
        )  # fmt: skip
    if (row.peer is None) != (row.peer_ticket_no is None):
        raise RowRefused(
            "peer and peer_ticket_no belong together", "give both or none", "peer_incomplete"
        )


def _check_times(row: OldTicket, steps: list[Step], now: datetime) -> None:
    """Times that are given fit the state, do not fall and are past."""
    named = dict.fromkeys(name for names, *_ in steps for name in names)
    given = [name for name in _TIMES if getattr(row, name) is not None]
    if strangers := [name for name in given if name not in named]:
        raise RowRefused(
            f"{', '.join(strangers)} given, but the way to {row.state} has no such step",
            "leave it out, or correct the state", "time_without_step",
        )  # fmt: skip
    last, at = "received_at", row.received_at
    if at < EARLIEST:
        raise RowRefused(f"received before {EARLIEST:%Y}", "leave it out", "too_old")
    for name in named:
        here = getattr(row, name)
        if here is not None:
            if here < at:
                raise RowRefused(
                    f"{name} is before {last}", "correct the time, or leave it out", "times_fall"
                )
            last, at = name, here
    if any(one.at < row.received_at for one in row.supplements):
        raise RowRefused("a supplement is before received_at", "correct its time", "times_fall")
    if max((at, *(one.at for one in row.supplements))) > now:
        raise RowRefused("a time is in the future", "correct it", "time_in_future")


def _steps(row: OldTicket, system: str) -> Iterator[Step]:
    centre = _actor(system, None, Role.OPERATOR, Role.DISPATCHER, Role.REVIEWER, Role.LEADER)
    end = row.state
    body: dict[str, Any] = {"registration": registration_of(row, system)}
    far = _far(row)
    at_once = far > 0 and row.accepted_at in (None, row.received_at)
    if at_once:
        body["accept"] = True
    yield ("received_at", *["accepted_at"][: int(at_once)]), cmd.RegisterTicket, centre, body
    if far > 0 and not at_once:
        yield ("accepted_at",), cmd.AcceptTicket, centre, {}
    if far > 1 and row.departments:
        yield from _handling(row, system, centre, far)
    elif far > 1:
        yield ("answered_at",), cmd.AnswerDirectly, centre, {"text": row.reply or UNKNOWN}
    yield from _finishing(row, system, centre, far)
    if end is State.DECLINED:
        yield from _declining(row, centre)
    if end is State.WITHDRAWN:
        yield ("withdrawn_at",), cmd.WithdrawTicket, centre, {"reason": row.reason or IMPORTED}


def _far(row: OldTicket) -> int:
    """How many steps of _STEPS the ticket has made before it left the way, or stands at."""
    if row.state is State.DECLINED:
        return 0
    if row.state is State.WITHDRAWN:
        if not row.departments:
            return int(row.accepted_at is not None)
        return _FAR[State.ACKNOWLEDGED if row.acknowledged_at else State.DISPATCHED]
    return _FAR[row.state]


def _handling(row: OldTicket, system: str, centre: Actor, far: int) -> Iterator[Step]:
    many = len(row.departments) > 1
    form = row.form or (DispatchForm.LEAD if many else DispatchForm.SINGLE)
    yield (
        ("dispatched_at",), cmd.DispatchTicket, centre,
        {"form": form, "departments": row.departments},
    )  # fmt: skip
    count = row.departments if form is DispatchForm.PARALLEL else row.departments[:1]
    handlers = [_actor(system, code, Role.HANDLER) for code in count]
    if far > 2:  # noqa: PLR2004 - dispatched
        yield from ((("acknowledged_at",), cmd.AcknowledgeTicket, one, {}) for one in handlers)
    if far > 3:  # noqa: PLR2004 - acknowledged
        result = {"result": row.result or UNKNOWN}
        yield from ((("completed_at",), cmd.CompleteTicket, one, result) for one in handlers)


def _finishing(row: OldTicket, system: str, centre: Actor, far: int) -> Iterator[Step]:
    """From completed, or from a direct answer, to the end."""
    told = row.answered_at is not None or row.satisfied is not None
    calls = row.satisfied is not None
    if row.departments and (
        _FAR[State.COMPLETED] < far < _FAR[State.CLOSED]
        or (far >= _FAR[State.CLOSED] and (told or row.reviewed_at))
    ):
        yield ("reviewed_at",), cmd.PassClosure, centre, {}
        if far >= _FAR[State.AWAITING_FOLLOW_UP] and (told or far < _FAR[State.CLOSED]):
            yield ("answered_at",), cmd.ReplyCitizen, centre, {"text": row.reply or UNKNOWN}
    if far > _FAR[State.AWAITING_FOLLOW_UP] and calls:
        outcome = {"satisfied": row.satisfied, "resolved": row.resolved}
        closes = () if row.source is Source.WEB_PORTAL else ("closed_at",)
        yield ("followed_up_at", *closes), cmd.RecordFollowUp, centre, outcome
    if far >= _FAR[State.CLOSED]:
        yield from _closing(row, system, centre, told=told, called=calls)
    if row.state is State.ARCHIVED:
        yield ("archived_at",), cmd.ArchiveTicket, centre, {}


def _closing(
    row: OldTicket, system: str, centre: Actor, *, told: bool, called: bool
) -> Iterator[Step]:
    """A follow-up call closes a ticket by itself, unless its citizen rates on the portal."""
    if called and row.source is not Source.WEB_PORTAL:
        return
    if row.rating is not None:
        citizen = _actor(system, None, Role.CITIZEN)
        yield ("rated_at", "closed_at"), cmd.RateTicket, citizen, {"rating": row.rating}
        return
    reply = "" if told or not row.departments else row.reply or ""
    fields = {"reason": row.reason or IMPORTED, "reply": reply}
    yield ("closed_at",), cmd.CloseTicket, centre, fields


def _declining(row: OldTicket, centre: Actor) -> Iterator[Step]:
    reason = {"reason": row.reason or IMPORTED}
    if row.superior_assigned:
        yield ("declined_at",), cmd.AskDecline, centre, reason
        yield ("declined_at",), cmd.GrantDecline, centre, {}
    else:
        yield ("declined_at",), cmd.DeclineTicket, centre, reason
