"""Code tables of the provincial platform, assumed [A] until its interface document is known."""

from collections.abc import Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

from schemas.matter import MatterKind, Urgency
from schemas.ticket import ReminderKind, State

ZONE = ZoneInfo("Asia/Shanghai")
NAMESPACE = "urn:provincial:complaint-exchange:v1"
OPERATIONS = (
    "ping",
    "getIssuedTickets",
    "reportAcceptance",
    "reportDecline",
    "reportHandling",
    "queryReport",
)

# hub state -> the province's code; one a state, so that it reads both ways
STATE_CODES: Mapping[State, str] = MappingProxyType(
    {
        State.DRAFT: "00",
        State.RECEIVED: "01",
        State.ACCEPTED: "02",
        State.DECLINED: "03",
        State.DISPATCHED: "04",
        State.ACKNOWLEDGED: "05",
        State.COMPLETED: "06",
        State.AWAITING_REPLY: "07",
        State.AWAITING_FOLLOW_UP: "08",
        State.AWAITING_RATING: "09",
        State.CLOSED: "10",
        State.ARCHIVED: "11",
        State.WITHDRAWN: "12",
        State.SUSPENDED: "13",
        State.MERGED: "14",
        State.DISCARDED: "99",
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
    {"1": Urgency.NORMAL, "2": Urgency.URGENT, "3": Urgency.CRITICAL}
)
REMINDERS: Mapping[str, ReminderKind] = MappingProxyType(
    {"1": ReminderKind.NATIONAL, "2": ReminderKind.SUPERIOR}
)
FLAGS: Mapping[str, bool] = MappingProxyType({"0": False, "1": True})

# event kind -> the province's stage 环节; what is not here is not reported, and whatever changes a
# ticket's state is here
STAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ticket_registered": ("01", "登记"),  # tells the province our number
        "ticket_accepted": ("10", "受理"),
        "decline_refused": ("10", "受理"),
        "ticket_declined": ("11", "不受理"),
        "returned_to_intake": ("12", "退回登记"),
        "ticket_dispatched": ("20", "转办"),
        "department_acknowledged": ("21", "签收"),
        "send_back_granted": ("22", "退单"),
        "feedback_given": ("30", "阶段反馈"),
        "mediation_recorded": ("31", "调解"),
        "extension_granted": ("32", "延期"),
        "reminder_answered": ("33", "催办答复"),
        "department_completed": ("40", "承办单位办结"),
        "closure_passed": ("41", "结案审核通过"),
        "closure_returned": ("42", "结案审核退回"),
        "directly_answered": ("50", "直接答复"),
        "citizen_replied": ("51", "答复诉求人"),
        "follow_up_recorded": ("60", "回访"),
        "rework_ordered": ("61", "重办"),
        "ticket_rated": ("62", "评价"),
        "ticket_closed": ("70", "结案"),
        "ticket_archived": ("71", "归档"),
        "ticket_suspended": ("80", "挂起"),
        "ticket_resumed": ("81", "解挂"),
        "ticket_withdrawn": ("82", "撤诉"),
        "ticket_merged": ("83", "并单"),
    }
)
PUSHED: frozenset[str] = frozenset(STAGES)
ACCEPTANCES = frozenset({"ticket_accepted", "decline_refused"})
DECLINES = frozenset({"ticket_declined"})

# result codes of every operation, by what the caller must do next
DONE = frozenset({"0000", "0001"})  # 0001: this serial number was taken before
NOT_FOUND = "3001"  # queryReport: no such serial number
CREDENTIAL_CODES = frozenset({"1001", "1002", "1003"})  # signature, appKey, timestamp
REFUSAL_CODES = frozenset({"2001", "2002", "2003"})  # ticket unknown, state, content
BUSY_CODE = "9001"  # nothing was done
TROUBLE_CODE = "9002"  # it may have been done
