"""The Chinese names of the states, as peers that show them are told."""

from collections.abc import Mapping
from types import MappingProxyType

from schemas.ticket import State

STATE_NAMES: Mapping[State, str] = MappingProxyType(
    {
        State.DRAFT: "待登记",
        State.DISCARDED: "已作废",
        State.RECEIVED: "未受理",
        State.ACCEPTED: "已受理",
        State.DISPATCHED: "待签收",
        State.ACKNOWLEDGED: "处理中",
        State.COMPLETED: "待结案审核",
        State.AWAITING_REPLY: "待回复",
        State.AWAITING_FOLLOW_UP: "待回访",
        State.AWAITING_RATING: "待评价",
        State.CLOSED: "已结案",
        State.ARCHIVED: "已归档",
        State.DECLINED: "不受理",
        State.WITHDRAWN: "已撤诉",
        State.SUSPENDED: "已挂起",
        State.MERGED: "已并单",
    }
)
