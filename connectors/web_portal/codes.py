"""What a citizen reads: words for states, and for the events that are shown in public.

The same words go to the portal's callback and to whoever asks by ticket number and query code.
"""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.ticket import State

# state -> the citizen's words; inner steps (reviews, who signs for it) are not his concern
PUBLIC_STATES: Mapping[State, str] = MappingProxyType(
    {
        State.DRAFT: "已提交",
        State.DISCARDED: "已作废",
        State.RECEIVED: "已收到，等待受理",
        State.ACCEPTED: "已受理，正在确定承办部门",
        State.DISPATCHED: "已转承办部门",
        State.ACKNOWLEDGED: "承办部门办理中",
        State.COMPLETED: "承办部门已办结，审核中",
        State.AWAITING_REPLY: "审核通过，即将答复",
        State.AWAITING_FOLLOW_UP: "已答复，等待回访",
        State.AWAITING_RATING: "等待您的评价",
        State.CLOSED: "已结案",
        State.ARCHIVED: "已归档",
        State.DECLINED: "不予受理",
        State.WITHDRAWN: "已撤回",
        State.SUSPENDED: "暂缓办理",
        State.MERGED: "已与相同诉求合并办理",
    }
)

# state -> code in the callback, one a state, stable for the portal's program [A]
STATE_CODES: Mapping[State, str] = MappingProxyType({state: state.value.upper() for state in State})
STATES: Mapping[str, State] = MappingProxyType({code: s for s, code in STATE_CODES.items()})

# event kind -> line of the public timeline; what is not here stays inside the hub
PUBLIC_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        "ticket_registered": "您的诉求已收到",
        "ticket_accepted": "您的诉求已受理",
        "decline_refused": "您的诉求已受理",
        "ticket_declined": "您的诉求不予受理",
        "matter_supplemented": "已收到您的补充材料",
        "directly_answered": "已答复",
        "ticket_dispatched": "已转承办部门办理",
        "returned_to_intake": "正在重新核对您的诉求",
        "send_back_granted": "正在重新确定承办部门",
        "department_acknowledged": "承办部门已签收",
        "feedback_given": "承办部门反馈进展",
        "mediation_recorded": "已组织调解",
        "extension_granted": "办理期限已延长",
        "department_completed": "承办部门已办结",
        "closure_passed": "办理结果已通过审核",
        "closure_returned": "办理结果需要完善，承办部门继续办理",
        "citizen_replied": "已答复",
        "follow_up_recorded": "已回访",
        "rework_ordered": "根据您的意见重新办理",
        "ticket_rated": "已收到您的评价",
        "ticket_closed": "已结案",
        "ticket_suspended": "暂缓办理",
        "ticket_resumed": "恢复办理",
        "ticket_withdrawn": "已按您的要求撤回",
        "ticket_merged": "已与相同诉求合并办理",
        "ticket_archived": "已归档",
    }
)

# told to the portal by callback; of his own supplement it knows already
PUSHED: frozenset[str] = frozenset(PUBLIC_EVENTS) - {"matter_supplemented"}
