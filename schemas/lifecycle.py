"""States, actions, roles and the one transition table; what is not in it cannot happen.

Three tables: the ticket's, the assignments' and the reviews'. `decide.py` adds what a table cannot
say (whose department, how many extensions); it never goes where the tables do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from schemas.errors import NotEntitled, TransitionRefused
from schemas.parties import Role
from schemas.ticket import AssignmentState, ReviewKind, ReviewState, State


class Action(StrEnum):
    SAVE_DRAFT = "save_draft"
    REGISTER = "register"
    DISCARD = "discard"
    ACCEPT = "accept"
    DECLINE = "decline"
    ASK_DECLINE = "ask_decline"
    GRANT_DECLINE = "grant_decline"
    REFUSE_DECLINE = "refuse_decline"
    AMEND = "amend"
    SUPPLEMENT = "supplement"
    NOTE_PEER_UPDATE = "note_peer_update"
    ANSWER_DIRECTLY = "answer_directly"
    PROPOSE = "propose"
    DISPATCH = "dispatch"
    REDISPATCH = "redispatch"
    RETURN_TO_INTAKE = "return_to_intake"
    ACKNOWLEDGE = "acknowledge"
    GIVE_FEEDBACK = "give_feedback"
    MEDIATE = "mediate"
    COMPLETE = "complete"
    ASK_SEND_BACK = "ask_send_back"
    GRANT_SEND_BACK = "grant_send_back"
    REFUSE_SEND_BACK = "refuse_send_back"
    RULE_FINALLY = "rule_finally"
    REQUEST_EXTENSION = "request_extension"
    GRANT_EXTENSION = "grant_extension"
    REFUSE_EXTENSION = "refuse_extension"
    PASS_CLOSURE = "pass_closure"  # noqa: S105 - an action, not a password
    RETURN_CLOSURE = "return_closure"
    REDISPATCH_CLOSURE = "redispatch_closure"
    REPLY = "reply"
    FOLLOW_UP = "follow_up"
    NOTE_UNREACHED = "note_unreached"
    REWORK = "rework"
    RATE = "rate"
    CLOSE = "close"
    CLOSE_UNRATED = "close_unrated"
    SUSPEND = "suspend"
    RESUME = "resume"
    WITHDRAW = "withdraw"
    REMIND = "remind"
    ANSWER_REMINDER = "answer_reminder"
    WARN = "warn"
    ISSUE_CARD = "issue_card"
    MERGE = "merge"
    ARCHIVE = "archive"
    NOTE_REFUSAL = "note_refusal"


@dataclass(frozen=True)
class Step:
    """One row of the ticket's table. An empty `targets` means that the state stays as it is."""

    action: Action
    roles: frozenset[Role]
    targets: frozenset[State]


LIVE = (
    State.RECEIVED,
    State.ACCEPTED,
    State.DISPATCHED,
    State.ACKNOWLEDGED,
    State.COMPLETED,
    State.AWAITING_REPLY,
    State.AWAITING_FOLLOW_UP,
    State.AWAITING_RATING,
    State.SUSPENDED,
)

# Words for several states, in the table below.
_GROUPS = {
    "handling": "dispatched acknowledged",
    "finishing": "completed awaiting_reply awaiting_follow_up awaiting_rating",
    "live": " ".join(LIVE),
    "aside": "declined withdrawn merged discarded",
    "before_completion": "draft received accepted dispatched acknowledged suspended",
    "back": "accepted dispatched acknowledged completed",
    "any": " ".join(State),
}

# action           | roles                      | from                   -> to
# `new` is a ticket that does not exist yet; `=` keeps the state; of several targets decide.py picks
# one by the ticket's assignments or its source.
_TICKET = """
save_draft         | system operator            | new                    -> draft
register           | operator system citizen peer | new draft              -> received
discard            | operator                   | draft                  -> discarded
accept             | operator dispatcher        | received               -> accepted
decline            | operator                   | received               -> declined
ask_decline        | operator dispatcher        | received               -> =
grant_decline      | reviewer leader            | received               -> declined
refuse_decline     | reviewer leader            | received               -> accepted
amend              | operator dispatcher        | received accepted      -> =
supplement         | citizen operator peer      | live                   -> =
note_peer_update   | peer                       | draft live closed declined withdrawn merged -> =
answer_directly    | operator dispatcher        | accepted               -> awaiting_follow_up
propose            | machine                    | accepted               -> =
dispatch           | dispatcher leader machine  | accepted               -> dispatched
redispatch         | dispatcher leader          | handling               -> dispatched
return_to_intake   | dispatcher                 | accepted               -> received
acknowledge        | handler                    | handling               -> handling
give_feedback      | handler                    | handling               -> =
mediate            | handler                    | handling               -> =
complete           | handler                    | handling               -> handling completed
ask_send_back      | handler                    | handling               -> =
grant_send_back    | reviewer dispatcher leader | handling               -> back
refuse_send_back   | reviewer dispatcher leader | handling               -> =
rule_finally       | leader                     | handling               -> dispatched
request_extension  | handler                    | handling               -> =
grant_extension    | reviewer leader            | handling               -> =
refuse_extension   | reviewer leader            | handling               -> =
pass_closure       | reviewer leader            | completed              -> awaiting_reply
return_closure     | reviewer leader            | completed              -> dispatched
redispatch_closure | reviewer leader            | completed              -> dispatched
reply              | operator                   | awaiting_reply         -> awaiting_follow_up
follow_up          | operator                   | awaiting_follow_up     -> awaiting_rating closed
note_unreached     | operator                   | awaiting_follow_up     -> =
rework             | operator reviewer leader   | awaiting_follow_up     -> dispatched accepted
rate               | citizen peer               | awaiting_rating        -> closed
close              | reviewer leader            | finishing              -> closed
close_unrated      | system                     | awaiting_rating        -> closed
suspend            | dispatcher reviewer leader | accepted handling      -> suspended
resume             | dispatcher reviewer leader | suspended              -> accepted handling
withdraw           | citizen operator peer      | before_completion      -> withdrawn
remind             | operator dispatcher reviewer leader system peer | live                   -> =
answer_reminder    | handler operator dispatcher reviewer | live                   -> =
warn               | system                     | live                   -> =
issue_card         | system                     | live                   -> =
merge              | operator dispatcher        | received accepted      -> merged
archive            | system leader              | closed aside           -> archived
note_refusal       | system                     | any                    -> =
"""

_ASSIGNMENT = """
pending          acknowledge       acknowledged
pending          ask_send_back     send_back_asked
acknowledged     ask_send_back     send_back_asked
acknowledged     complete          completed
send_back_asked  grant_send_back   sent_back
send_back_asked  rule_finally      sent_back
send_back_asked  refuse_send_back  pending acknowledged
"""

_REVIEW = """
decline    grant_decline       granted
decline    refuse_decline      refused
send_back  grant_send_back     granted redirected
send_back  refuse_send_back    refused
send_back  rule_finally        redirected
extension  grant_extension     granted
extension  refuse_extension    refused
closure    pass_closure        granted
closure    close               granted
closure    return_closure      refused
closure    redispatch_closure  redirected
"""


def _words(cell: str) -> list[str]:
    return " ".join(_GROUPS.get(word, word) for word in cell.split()).split()


def _parse_ticket(text: str) -> dict[tuple[State | None, Action], Step]:
    table: dict[tuple[State | None, Action], Step] = {}
    for line in text.strip().splitlines():
        action, roles, way = (cell.strip() for cell in line.split("|"))
        sources, _, targets = way.partition("->")
        step = Step(
            Action(action),
            frozenset(map(Role, roles.split())),
            frozenset() if targets.strip() == "=" else frozenset(map(State, _words(targets))),
        )
        for source in _words(sources):
            table[None if source == "new" else State(source), step.action] = step
    return table


TICKET: Mapping[tuple[State | None, Action], Step] = MappingProxyType(_parse_ticket(_TICKET))
ASSIGNMENT: Mapping[tuple[AssignmentState, Action], frozenset[AssignmentState]] = MappingProxyType(
    {
        (AssignmentState(source), Action(action)): frozenset(map(AssignmentState, targets))
        for source, action, *targets in map(str.split, _ASSIGNMENT.strip().splitlines())
    }
)
REVIEW: Mapping[tuple[ReviewKind, Action], frozenset[ReviewState]] = MappingProxyType(
    {
        (ReviewKind(kind), Action(action)): frozenset(map(ReviewState, targets))
        for kind, action, *targets in map(str.split, _REVIEW.strip().splitlines())
    }
)


def step(state: State | None, action: Action, roles: frozenset[Role]) -> Step:
    """The table's row for `action` from `state` (None: no ticket yet).

    Raises: TransitionRefused (no such step from here), NotEntitled (none of the roles may).
    """
    row = TICKET.get((state, action))
    if row is None:
        raise TransitionRefused(
            f"{action} is not possible from {state or 'new'}", state=state or "new", action=action
        )
    if row.roles.isdisjoint(roles):
        raise NotEntitled(
            f"{action} is for {', '.join(sorted(row.roles))}", action=action, state=state or "new"
        )
    return row


def possible_actions(state: State, roles: frozenset[Role]) -> tuple[Action, ...]:
    """What somebody with `roles` may try from `state`, in the order of the table."""
    return tuple(
        row.action for (source, _), row in TICKET.items() if source is state and row.roles & roles
    )
