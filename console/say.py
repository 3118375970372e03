"""Chinese words for the lifecycle's values: states, actions, kinds, roles, sources, forms."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from schemas.lifecycle import Action
from schemas.matter import MatterKind, Urgency
from schemas.outbound import DeliveryState
from schemas.parties import Role
from schemas.ticket import (
    AssignmentState,
    DispatchForm,
    HandlingMode,
    Part,
    ReminderKind,
    ReviewKind,
    ReviewState,
    Source,
    State,
)
from ticket_store.marks import Mark

STATES: Mapping[State, str] = MappingProxyType(
    {
        State.DRAFT: "待登记",
        State.DISCARDED: "已作废",
        State.RECEIVED: "未受理",
        State.ACCEPTED: "待派审",
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
ACTIONS: Mapping[Action, str] = MappingProxyType(
    {
        Action.SAVE_DRAFT: "存为草稿",
        Action.REGISTER: "登记",
        Action.DISCARD: "作废",
        Action.ACCEPT: "受理",
        Action.DECLINE: "不予受理",
        Action.ASK_DECLINE: "申请不受理",
        Action.GRANT_DECLINE: "同意不受理",
        Action.REFUSE_DECLINE: "驳回，予以受理",
        Action.AMEND: "更正",
        Action.SUPPLEMENT: "补充",
        Action.NOTE_PEER_UPDATE: "来源更新",
        Action.ANSWER_DIRECTLY: "直接答复",
        Action.PROPOSE: "派单建议",
        Action.DISPATCH: "派发",
        Action.REDISPATCH: "改派",
        Action.RETURN_TO_INTAKE: "退回受理",
        Action.ACKNOWLEDGE: "签收",
        Action.GIVE_FEEDBACK: "阶段反馈",
        Action.MEDIATE: "登记调解",
        Action.COMPLETE: "办结",
        Action.ASK_SEND_BACK: "申请退单",
        Action.GRANT_SEND_BACK: "同意退单",
        Action.REFUSE_SEND_BACK: "驳回退单",
        Action.RULE_FINALLY: "终裁",
        Action.REQUEST_EXTENSION: "申请延期",
        Action.GRANT_EXTENSION: "同意延期",
        Action.REFUSE_EXTENSION: "驳回延期",
        Action.PASS_CLOSURE: "审核通过",
        Action.RETURN_CLOSURE: "退回重办",
        Action.REDISPATCH_CLOSURE: "改派他部门",
        Action.REPLY: "回复诉求人",
        Action.FOLLOW_UP: "登记回访",
        Action.NOTE_UNREACHED: "未接通",
        Action.REWORK: "重办",
        Action.RATE: "评价",
        Action.CLOSE: "直接结案",
        Action.CLOSE_UNRATED: "未评价结案",
        Action.SUSPEND: "挂起",
        Action.RESUME: "解除挂起",
        Action.WITHDRAW: "撤诉",
        Action.REMIND: "催办",
        Action.ANSWER_REMINDER: "答复催办",
        Action.WARN: "预警",
        Action.ISSUE_CARD: "亮牌",
        Action.MERGE: "并单",
        Action.ARCHIVE: "归档",
        Action.NOTE_REFUSAL: "对方拒收",
    }
)
KINDS: Mapping[MatterKind, str] = MappingProxyType(
    {
        MatterKind.INQUIRY: "咨询",
        MatterKind.HELP: "求助",
        MatterKind.COMPLAINT: "投诉",
        MatterKind.TIP_OFF: "举报",
        MatterKind.SUGGESTION: "建议",
        MatterKind.PRAISE: "表扬",
    }
)
URGENCIES: Mapping[Urgency, str] = MappingProxyType(
    {Urgency.NORMAL: "一般", Urgency.URGENT: "紧急", Urgency.CRITICAL: "特急"}
)
SOURCES: Mapping[Source, str] = MappingProxyType(
    {
        Source.HOTLINE12345: "12345 热线",
        Source.PROVINCIAL: "省平台",
        Source.PHONE_LOG: "电话",
        Source.WEB_PORTAL: "互联网",
        Source.COUNTER: "窗口登记",
    }
)
ROLES: Mapping[Role, str] = MappingProxyType(
    {
        Role.OPERATOR: "座席",
        Role.DISPATCHER: "派审岗",
        Role.HANDLER: "承办部门",
        Role.REVIEWER: "审核岗",
        Role.LEADER: "管理中心",
        Role.SYSTEM_ADMIN: "系统管理员",
        Role.SECURITY_ADMIN: "安全管理员",
        Role.AUDIT_ADMIN: "审计管理员",
        Role.CITIZEN: "诉求人",
        Role.PEER: "对接平台",
        Role.SYSTEM: "系统",
        Role.MACHINE: "智能派单",
    }
)
HANDLING_MODES: Mapping[HandlingMode, str] = MappingProxyType(
    {HandlingMode.DISPATCH: "转办", HandlingMode.ANSWER: "直接答复"}
)
PARTS: Mapping[Part, str] = MappingProxyType(
    {Part.SINGLE: "承办", Part.LEAD: "主办", Part.ASSISTING: "协办", Part.PARALLEL: "并行承办"}
)
FORMS: Mapping[DispatchForm, str] = MappingProxyType(
    {
        DispatchForm.SINGLE: "单一部门",
        DispatchForm.LEAD: "主办＋协办",
        DispatchForm.PARALLEL: "多部门并行",
    }
)
ASSIGNMENT_STATES: Mapping[AssignmentState, str] = MappingProxyType(
    {
        AssignmentState.PENDING: "待签收",
        AssignmentState.ACKNOWLEDGED: "办理中",
        AssignmentState.SEND_BACK_ASKED: "退单待审",
        AssignmentState.COMPLETED: "已办结",
        AssignmentState.SENT_BACK: "已退单",
        AssignmentState.RELEASED: "已解除",
    }
)
REVIEW_KINDS: Mapping[ReviewKind, str] = MappingProxyType(
    {
        ReviewKind.DECLINE: "不受理审核",
        ReviewKind.SEND_BACK: "退单审核",
        ReviewKind.EXTENSION: "延期审核",
        ReviewKind.CLOSURE: "结案审核",
    }
)
REVIEW_STATES: Mapping[ReviewState, str] = MappingProxyType(
    {
        ReviewState.OPEN: "待审核",
        ReviewState.GRANTED: "已同意",
        ReviewState.REFUSED: "已驳回",
        ReviewState.REDIRECTED: "已改派",
        ReviewState.CANCELLED: "已取消",
    }
)
REMINDERS: Mapping[ReminderKind, str] = MappingProxyType(
    {
        ReminderKind.NATIONAL: "国家平台催办",
        ReminderKind.SUPERIOR: "上级催办",
        ReminderKind.MANUAL: "人工催办",
        ReminderKind.SYSTEM: "系统催办",
    }
)
DELIVERY_STATES: Mapping[DeliveryState, str] = MappingProxyType(
    {
        DeliveryState.PENDING: "待推送",
        DeliveryState.UNCERTAIN: "结果待查",
        DeliveryState.DELIVERED: "已送达",
        DeliveryState.REFUSED: "对方拒收",
        DeliveryState.DEAD: "推送失败",
        DeliveryState.HELD: "暂停推送",
    }
)
MARKS: Mapping[Mark, str] = MappingProxyType(
    {
        Mark.REMINDED: "催办未答复",
        Mark.REMINDED_FROM_ABOVE: "上级催办未答复",
        Mark.MEDIATED: "有调解",
        Mark.EVALUATED: "已评价",
        Mark.DISSATISFIED: "不满意",
        Mark.UNRESOLVED: "未解决",
        Mark.POORLY_RATED: "差评",
    }
)
CARD_COLOURS: Mapping[str, str] = MappingProxyType({"yellow": "黄牌", "red": "红牌"})

# The way of a ticket as its page shows it: a step and the states that belong to it.
STEPS: tuple[tuple[str, frozenset[State]], ...] = (
    ("受理", frozenset({State.DRAFT, State.RECEIVED})),
    ("派审", frozenset({State.ACCEPTED})),
    ("签收办理", frozenset({State.DISPATCHED, State.ACKNOWLEDGED})),
    ("结案审核", frozenset({State.COMPLETED})),
    ("回复回访", frozenset({State.AWAITING_REPLY, State.AWAITING_FOLLOW_UP})),
    ("评价", frozenset({State.AWAITING_RATING})),
    ("结案", frozenset({State.CLOSED, State.ARCHIVED})),
)

TABLES: tuple[Mapping[Any, str], ...] = (
    STATES, ACTIONS, KINDS, URGENCIES, SOURCES, ROLES, HANDLING_MODES, PARTS, FORMS,
    ASSIGNMENT_STATES, REVIEW_KINDS, REVIEW_STATES, REMINDERS, DELIVERY_STATES, MARKS,
)  # fmt: skip
_BY_TYPE: Mapping[type[StrEnum], Mapping[Any, str]] = MappingProxyType(
    {type(next(iter(words))): words for words in TABLES}
)


def text(value: StrEnum | None) -> str:
    """The word for a value of any of the enumerations above; "" for None."""
    return "" if value is None else _BY_TYPE[type(value)][value]
