"""Code tables of the 12345 platform, assumed [A] until its interface document is known."""

from collections.abc import Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

from schemas.matter import MatterKind, Urgency
from schemas.ticket import State

ZONE = ZoneInfo("Asia/Shanghai")
PEER_TIME = "%Y-%m-%d %H:%M:%S"

# one code a state, so that it reads both ways
STATE_CODES: Mapping[State, str] = MappingProxyType(
    {
        State.DRAFT: "01",
        State.RECEIVED: "10",
        State.ACCEPTED: "11",
        State.DISPATCHED: "20",
        State.ACKNOWLEDGED: "21",
        State.COMPLETED: "30",
        State.AWAITING_REPLY: "31",
        State.AWAITING_FOLLOW_UP: "32",
        State.AWAITING_RATING: "33",
        State.CLOSED: "40",
        State.ARCHIVED: "41",
        State.DECLINED: "50",
        State.WITHDRAWN: "51",
        State.SUSPENDED: "52",
        State.MERGED: "53",
        State.DISCARDED: "59",
    }
)
STATES: Mapping[str, State] = MappingProxyType({code: s for s, code in STATE_CODES.items()})

MATTER_KINDS: Mapping[str, MatterKind] = MappingProxyType(
    {
        "1": MatterKind.INQUIRY,
        "2": MatterKind.HELP,
        "3": MatterKind.COMPLAINT,
        "4": MatterKind.TIP_OFF,
        "5": MatterKind.SUGGESTION,
        "6": MatterKind.PRAISE,
    }
)

URGENCIES: Mapping[str, Urgency] = MappingProxyType(
    {"0": Urgency.NORMAL, "1": Urgency.URGENT, "2": Urgency.CRITICAL}
)

# what a version of an order is about
EVENTS = frozenset({"created", "updated", "supplemented", "reminded", "withdrawn"})

# event kind -> what the push back is: state 状态, feedback 阶段反馈 or result 办理结果.
# What is not here is not pushed; whatever changes a ticket's state is here.
ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "ticket_registered": "state",
        "ticket_accepted": "state",
        "ticket_declined": "result",
        "decline_refused": "state",
        "directly_answered": "result",
        "ticket_dispatched": "state",
        "returned_to_intake": "state",
        "department_acknowledged": "state",
        "feedback_given": "feedback",
        "mediation_recorded": "feedback",
        "department_completed": "feedback",
        "send_back_granted": "state",
        "extension_granted": "feedback",
        "closure_passed": "state",
        "closure_returned": "state",
        "citizen_replied": "result",
        "follow_up_recorded": "state",
        "rework_ordered": "state",
        "ticket_rated": "state",
        "ticket_closed": "result",
        "ticket_suspended": "state",
        "ticket_resumed": "state",
        "ticket_withdrawn": "state",
        "reminder_answered": "feedback",
        "ticket_merged": "state",
        "ticket_archived": "state",
    }
)
PUSHED: frozenset[str] = frozenset(ACTIONS)

# `code` of an answer, by what we must do next; with HTTP 200 too, as such platforms do
DONE = frozenset({"0", "0001"})  # 0001: this Idempotency-Key was applied before
CREDENTIAL_CODES = frozenset({"1001", "1002", "1003"})  # application key, signature, timestamp
BUSY_CODES = frozenset({"9001"})  # not now, nothing was done
TROUBLE_CODES = frozenset({"9002"})  # inner error; it may have been done
NOT_APPLIED = "2404"  # asked about an Idempotency-Key that never arrived
