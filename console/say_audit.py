"""A row of the audit in Chinese: who, what, to what, and the facts that were noted with it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from console import say
from console.messages import OUTCOMES
from console.names import Names
from console.say_refusals import REFUSALS
from schemas.ids import split_event_id, ticket_no
from schemas.lifecycle import Action
from schemas.parties import Role
from ticket_store.audit import AuditRow, ticket_of
from ticket_store.audit_check import AuditReport

ACTS: Mapping[str, str] = MappingProxyType(
    {
        "sign_in": "登录",
        "sign_in_failed": "登录失败：密码不符",
        "sign_in_refused": "登录被拒",
        "sign_out": "退出登录",
        "sign_out_everywhere": "强制退出全部登录",
        "user_created": "新建用户",
        "user_roles_set": "修改岗位",
        "user_locked": "锁定用户",
        "user_unlocked": "解锁用户",
        "user_activated": "启用用户",
        "user_deactivated": "停用用户",
        "password_changed": "修改密码",
        "password_reset": "重置密码",
        "token_created": "签发接口令牌",
        "token_revoked": "吊销接口令牌",
        "unmask": "查看诉求人信息",
        "read_message": "查看来件原文",
        "replay_message": "重新处理来件",
        "replay_delivery": "重新推送",
        "mark_delivered": "标记为已送达",
        "release_held": "恢复推送",
        "attachment_kept": "保存附件",
        "attachment_read": "打开附件",
        "uploads_forgotten": "清理未提交的附件",
        "calendar_imported": "导入工作日历",
        "export": "导出",
        "verify_audit": "校验审计链",
        "archive_month": "导出归档月份",
    }
)
_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "system:clocks": "系统 · 时限",
        "system:sign-in": "系统 · 登录",
        "system:phone_log": "系统 · 话务",
        "system:deliveries": "系统 · 推送",
        "system:uploads": "系统 · 附件",
        "machine:routing": say.ROLES[Role.MACHINE],
        "citizen": say.ROLES[Role.CITIZEN],
        "unknown": "未知用户",
    }
)
_KINDS: Mapping[str, str] = MappingProxyType(
    {"peer": "对接平台", "token": "接口令牌", "message": "来件", "destination": "平台"}
)
_FIELDS: Mapping[str, str] = MappingProxyType(
    {"citizen.name": "姓名", "citizen.phone": "电话", "citizen": "诉求人信息"}
)
# refusals whose sentence needs what the audit does not keep
_SHORT: Mapping[str, str] = MappingProxyType(
    {
        "transition_refused": "工单状态不允许",
        "not_entitled": "岗位无此权限",
        "extensions_used_up": "延期次数已用完",
        "assignment_state": "本部门的承办状态不允许",
        "department_unknown": "部门目录里没有该部门",
        "more_than_asked": "同意的天数多于申请",
    }
)
_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "a row is missing": "缺少记录",
        "the row was changed": "记录被改动",
        "an event was changed or is missing": "工单事件被改动或缺失",
        "a body was changed or is missing": "登记或补充的内容被改动或缺失",
        "rows are missing at the end": "末尾缺少记录",
        "the count of events was changed": "事件总数被改动",
    }
)
_LEFT_OUT = frozenset({"sha256", "body"})  # for those who compare files, not for reading


def act(row: AuditRow) -> str:
    if row.action in set(Action):
        return say.ACTIONS[Action(row.action)]
    return ACTS.get(row.action, row.action)


def who(actor_id: str, names: Mapping[str, str]) -> str:
    """A person's name, or which part of the hub, platform or program it was."""
    kind, _, rest = actor_id.partition(":")
    if rest and kind in _KINDS:
        return f"{_KINDS[kind]} {names.get(actor_id, rest)}"
    return names.get(actor_id) or _PARTS.get(actor_id, actor_id)


def subject(row: AuditRow, names: Mapping[str, str]) -> str:
    if (ticket_id := ticket_of(row.subject)) is not None:
        return f"工单 {ticket_no(ticket_id)}"
    if row.action == "calendar_imported":
        return f"{row.subject} 年"
    if row.action == "archive_month":
        return f"{row.subject.removeprefix('archive:')} 月工单"
    if row.action == "attachment_kept":
        return "附件"
    if row.subject in names and ":" not in row.subject:
        return f"用户 {names[row.subject]}"
    return {"audit": "审计链", "tickets": "工单", "uploads": "附件"}.get(row.subject) or who(
        row.subject, names
    )


def facts(row: AuditRow, names: Names) -> str:
    said = [
        sentence
        for key, value in row.facts.items()
        if key not in _LEFT_OUT and (sentence := _fact(key, value, names))
    ]
    return "；".join(said)


def fault(report: AuditReport | None) -> str:
    """What does not fit; "" while all does."""
    if report is None or report.ok:
        return ""
    named, _, what = report.detail.partition(": ")
    if what and (ticket_id := ticket_of(named.replace("ticket ", "ticket:", 1))) is not None:
        return f"工单 {ticket_no(ticket_id)} 的当前内容与其办理经过不符"
    return _FAULTS.get(report.detail, "工单事件或内容与审计记录的数目不符")


def _fact(key: str, value: Any, names: Names) -> str:
    made = _SAID.get(key)
    try:
        return made(value, names) if made else f"{key}：{value}"
    except (ValueError, TypeError, KeyError):  # changed from outside: shown as it is
        return f"{key}：{value}"


def _refused(code: str) -> str:
    reason = _SHORT.get(code) or REFUSALS.get(code, ("",))[0].rstrip("。") or code
    return f"未办成：{reason}"


def _events(value: Any) -> str:
    first, count = value
    _, sequence = split_event_id(first)
    last = sequence + count - 1
    return f"第 {sequence} 条记录" if count == 1 else f"第 {sequence} 至 {last} 条记录"


def _roles(value: str) -> str:
    return "岗位 " + "、".join(say.text(Role(one)) for one in value.split())


_SAID: Mapping[str, Callable[[Any, Names], str]] = MappingProxyType(
    {
        "refused": lambda value, _: _refused(value),
        "events": lambda value, _: _events(value),
        "cause": lambda value, _: f"因来件 {value}",
        "attachment": lambda value, _: f"附件 {value}",
        "sequence": lambda value, _: f"第 {value} 条记录",
        "destination": lambda value, names: f"推送 {names.peer(value)}",
        "roles": lambda value, _: _roles(value),
        "department": lambda value, names: names.department(value) if value else "",
        "name": lambda value, _: f"名称 {value}",
        "sessions": lambda value, _: f"{value} 处登录",
        "fields": lambda value, _: "、".join(_FIELDS[one] for one in value.split()),
        "outcome": lambda value, _: f"原结果 {OUTCOMES[value]}",
        "ticket_id": lambda value, _: f"工单 {ticket_no(int(value))}",
        "version": lambda value, _: f"第 {value} 版",
        "source": lambda value, _: f"依据 {value}",
        "ok": lambda value, _: "完整" if value == "true" else "不符",
        "rows": lambda value, _: f"共 {value} 条",
        "count": lambda value, _: f"{value} 个",
        "query": lambda value, _: f"条件 {value}",
    }
)
