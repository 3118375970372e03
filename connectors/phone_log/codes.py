"""What a call record holds, how its columns are called by default, and what the switch is told."""

from collections.abc import Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
CALLER_UNNAMED = "来电人"
NO_SUMMARY = "（通话未登记小结）"
NUMBER_HIDDEN = "号码未显示"

# our field -> header in the export; the settings may name others
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "call_no": "通话编号",
        "caller": "主叫号码",
        "called": "被叫号码",
        "started_at": "开始时间",
        "answered_at": "应答时间",
        "ended_at": "结束时间",
        "operator_no": "座席工号",
        "queue": "技能组",
        "summary": "通话小结",
    }
)
# without these columns a file is not an export of calls
REQUIRED = ("call_no", "caller", "started_at", "answered_at", "ended_at")

TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
)
# how switches write a number that was withheld
HIDDEN = frozenset({"", "anonymous", "unknown", "private", "restricted", "未知", "隐藏", "匿名"})

# the switch files a call under its ticket: it wants the number and every change of state, not what
# departments write to each other
PUSHED: frozenset[str] = frozenset(
    {
        "ticket_registered",
        "draft_discarded",
        "ticket_accepted",
        "ticket_declined",
        "decline_refused",
        "returned_to_intake",
        "directly_answered",
        "ticket_dispatched",
        "department_acknowledged",
        "send_back_granted",
        "department_completed",
        "closure_passed",
        "closure_returned",
        "citizen_replied",
        "follow_up_recorded",
        "rework_ordered",
        "ticket_rated",
        "ticket_closed",
        "ticket_suspended",
        "ticket_resumed",
        "ticket_withdrawn",
        "ticket_merged",
        "ticket_archived",
    }
)
