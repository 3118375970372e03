"""What a refused command means for the person who asked: what happened, and what to do now."""

from collections.abc import Mapping
from types import MappingProxyType

from console import say
from schemas.errors import CommandRefused, HubError, StoreBusy
from schemas.lifecycle import Action
from schemas.ticket import AssignmentState, State

# code -> (what happened, what to do now); {names} are filled from the refusal's facts
REFUSALS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "command_refused": ("这一步没有办成。", "请刷新页面后重试；仍不成功请联系系统管理员。"),
        "transition_refused": (
            "工单现在是“{state}”，不能{action}。",
            "可能刚有人办理过。请按当前状态选择可办的事项。",
        ),
        "not_entitled": ("您的岗位不能{action}。", "请交由有权限的岗位办理。"),
        "rule_broken": ("填写的内容不符合办理规则。", "请修改后重新提交。"),
        "version_conflict": (
            "您打开页面之后，这件工单已被他人办理过。",
            "您填写的内容仍在，请刷新页面看过最新情况再决定。",
        ),
        "unknown_ticket": ("没有这件工单，或不在您的查看范围内。", "请核对单号后重新查询。"),
        "already_registered": ("来源单号已登记过，无需重复登记。", "请打开已有的工单继续办理。"),
        "ticket_full": ("这件工单的记录已达上限。", "请尽快办结，或由管理中心直接结案。"),
        "merge_into_itself": ("不能并入自身。", "请填写另一件工单的单号。"),
        "reminder_unknown": ("没有这条催办。", "请刷新页面查看现有催办。"),
        "reminder_answered": ("这条催办已经答复过。", "无需再次答复。"),
        "finally_ruled": (
            "本件已经终裁，不能再退单。",
            "请按终裁意见办理；确有困难请联系管理中心。",
        ),
        "review_open": ("同类申请正在审核中。", "请等待审核结果，不必重复申请。"),
        "extensions_used_up": ("每件工单最多延期 {allowed} 次，已经用完。", "请在现有时限内办结。"),
        "decline_needs_review": (
            "上级交办的工单不能直接不受理。",
            "请改用“申请不受理”，由审核岗决定。",
        ),
        "decline_needs_no_review": ("本件不是上级交办，无需审核。", "请直接选择“不予受理”。"),
        "peer_update_stale": ("来源平台的更新早于已记录的更新。", "无需处理，以最新记录为准。"),
        "other_department": ("只能办理本部门的工单。", "请由承办部门自己的账号办理。"),
        "no_assignment": ("本部门没有承办这件工单。", "可能已改派。请返回待办列表。"),
        "assignment_state": (
            "本部门的承办状态是“{assignment_state}”，不能{action}。",
            "请先完成前一步（如签收），或等待审核结果。",
        ),
        "no_open_review": ("没有待审核的申请，可能已有人审核过。", "请刷新页面查看结果。"),
        "department_twice": ("同一部门选了两次，或已在承办。", "请每个部门只选一次。"),
        "department_unknown": ("部门目录里没有“{department}”。", "请从候选或查找结果中选择部门。"),
        "department_count": (
            "部门数量与派发方式不符：单一部门选 1 个，主办＋协办和多部门并行至少选 2 个。",
            "请调整所选部门或派发方式。",
        ),
        "ruling_is_leaders": ("再次退单须由管理中心终裁。", "请交由管理中心办理。"),
        "ruling_needed": ("再次退单须终裁并指定承办部门。", "请改用“终裁”。"),
        "ruling_not_needed": ("首次退单无需终裁。", "请选择“同意退单”或“驳回退单”。"),
        "more_than_asked": ("同意的天数不能多于申请的 {asked} 个工作日。", "请改小天数。"),
    }
)
FORM_USED = (
    "这张表单已经提交过一次，内容与这次不同；这次没有办理。",
    "请刷新页面，看过最新情况后重新填写。",
)
BUSY = ("系统暂时无法保存。", "内容没有丢失，请保留本页，稍后再次提交。")

_WORDS: Mapping[str, type[State] | type[Action] | type[AssignmentState]] = {
    "state": State,
    "action": Action,
    "assignment_state": AssignmentState,
}


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "办理" if key == "action" else ""


def refusal(error: HubError) -> tuple[str, str]:
    """(what happened, what to do now) in Chinese."""
    if isinstance(error, StoreBusy):
        return BUSY
    if not isinstance(error, CommandRefused):
        return REFUSALS["command_refused"]
    happened, remedy = (
        REFUSALS.get(error.code) or REFUSALS.get(type(error).code) or REFUSALS["command_refused"]
    )
    facts = _Facts({name: _word(name, value) for name, value in error.facts.items()})
    return happened.format_map(facts), remedy


def _word(name: str, value: str) -> str:
    kind = _WORDS.get(name)
    if kind is None:
        return value
    if value == "new":
        return "尚未登记"
    try:
        return say.text(kind(value))
    except ValueError:
        return value
