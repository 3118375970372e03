"""The forms of the actions as data, and how what was posted becomes a command.

A page never builds a command by hand: a row here is the form, its labels and its checks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from multidict import MultiMapping
from pydantic import ValidationError

from schemas.commands import COMMANDS, Command
from schemas.ids import is_derived, ticket_id_of
from schemas.lifecycle import Action
from schemas.ticket import DispatchForm
from schemas.visible_text import visible

Shape = Literal["text", "textarea", "number", "choice", "departments"]
_TOO_LONG = 19  # digits of a number that is surely below 63 bits, and one more
OUTDATED = "页面已失效，请刷新后重新填写"


@dataclass(frozen=True)
class Field:
    """options: value and label of each choice. most: longest text, or largest number."""

    name: str
    label: str
    shape: Shape = "textarea"
    required: bool = True
    options: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    most: int = 4000


def _reason(label: str, hint: str = "") -> tuple[Field, ...]:
    return (Field("reason", label, hint=hint),)


_NOTE = Field("note", "说明", required=False)
_DEPARTMENTS = Field("departments", "派往部门", "departments")
_LIMIT = Field(
    "handle_working_days", "要求办结（工作日）", "number", required=False, most=90,
    hint="不填则按事项时限",
)  # fmt: skip
_SEND = (_DEPARTMENTS, _LIMIT, replace(_NOTE, label="派审意见"))

FORMS: Mapping[Action, tuple[Field, ...]] = MappingProxyType(
    {
        Action.DISCARD: _reason("作废原因", "如：误拨、无声、与诉求无关"),
        Action.ACCEPT: (replace(_NOTE, label="受理说明"),),
        Action.DECLINE: _reason("不受理理由", "将告知诉求人，请写明依据"),
        Action.ASK_DECLINE: _reason("申请不受理的理由", "由审核岗决定"),
        Action.GRANT_DECLINE: (replace(_NOTE, label="审核意见"),),
        Action.REFUSE_DECLINE: _reason("驳回理由"),
        Action.SUPPLEMENT: (Field("text", "补充内容"),),
        Action.ANSWER_DIRECTLY: (Field("text", "答复内容", hint="办结后转回访"),),
        Action.DISPATCH: _SEND,
        Action.REDISPATCH: _SEND,
        Action.RULE_FINALLY: _SEND,
        Action.REDISPATCH_CLOSURE: _SEND,
        Action.GRANT_SEND_BACK: (
            replace(_DEPARTMENTS, label="改派部门", required=False, hint="不选则退回派审台"),
            replace(_NOTE, label="审核意见"),
        ),
        Action.RETURN_TO_INTAKE: _reason("退回原因"),
        Action.ACKNOWLEDGE: (),
        Action.GIVE_FEEDBACK: (Field("text", "阶段进展"),),
        Action.MEDIATE: (
            Field("agreed", "调解结果", "choice",
                  options=(("true", "达成一致"), ("false", "未达成一致"))),
            Field("text", "调解经过"),
        ),
        Action.COMPLETE: (Field("result", "办理结果", hint="提交后转结案审核"),),
        Action.ASK_SEND_BACK: _reason("退单理由", "请写明不属本部门职责的依据"),
        Action.REFUSE_SEND_BACK: _reason("驳回理由"),
        Action.REQUEST_EXTENSION: (
            Field("working_days", "延长（工作日）", "number", most=90),
            Field("reason", "延期理由"),
        ),
        Action.GRANT_EXTENSION: (
            Field("working_days", "同意延长（工作日）", "number", required=False, most=90,
                  hint="不填则按申请天数"),
            replace(_NOTE, label="审核意见"),
        ),
        Action.REFUSE_EXTENSION: _reason("驳回理由"),
        Action.PASS_CLOSURE: (replace(_NOTE, label="审核意见"),),
        Action.RETURN_CLOSURE: _reason("退回理由", "退回原承办部门重新办理"),
        Action.REPLY: (Field("text", "回复内容", hint="将告知诉求人和来源平台"),),
        Action.FOLLOW_UP: (
            Field("satisfied", "是否满意", "choice",
                  options=(("true", "满意"), ("false", "不满意"))),
            Field("resolved", "是否解决", "choice",
                  options=(("true", "已解决"), ("false", "未解决"))),
            replace(_NOTE, label="回访记录"),
        ),
        Action.NOTE_UNREACHED: (replace(_NOTE, label="说明", hint="如：无人接听、关机"),),
        Action.REWORK: (
            Field("satisfied", "是否满意", "choice",
                  options=(("false", "不满意"), ("true", "满意"))),
            Field("resolved", "是否解决", "choice",
                  options=(("false", "未解决"), ("true", "已解决"))),
            Field("reason", "重办要求"),
        ),
        Action.CLOSE: (
            Field("reason", "结案理由"),
            Field("reply", "答复诉求人", required=False, hint="不另行回复时填写"),
        ),
        Action.SUSPEND: _reason("挂起原因", "挂起期间不计时"),
        Action.RESUME: (_NOTE,),
        Action.WITHDRAW: _reason("撤诉原因"),
        Action.REMIND: (Field("text", "催办内容", hint="承办部门须答复"),),
        Action.ANSWER_REMINDER: (Field("text", "答复内容"),),
        Action.MERGE: (
            Field("into", "并入单号", "text", hint="保留的那件工单的单号", most=20),
            Field("reason", "并单理由"),
        ),
        Action.ARCHIVE: (),
    }
)  # fmt: skip
# what a page showed may be outdated in a way that the lifecycle cannot see
NEEDS_VERSION = frozenset(
    {Action.AMEND, Action.PASS_CLOSURE, Action.RETURN_CLOSURE, Action.REDISPATCH_CLOSURE}
)
_HIDDEN = ("review_no", "reminder_no")
_TALKS_ABOUT = ("command_id", "expected_version")


class FormWrong(Exception):
    """What was posted is no command; `errors`: field name -> Chinese sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


def command_from(action: Action, posted: MultiMapping[str], given: Mapping[str, Any]) -> Command:
    """The command of `action` from the posted fields.

    given:   what the form does not decide: ticket_id, actor, at.
    Raises:  FormWrong.
    """
    fields = FORMS[action]
    values: dict[str, Any] = dict(given)
    for name in (*_TALKS_ABOUT, *_HIDDEN):
        if posted.get(name) and (name in COMMANDS[action].model_fields):
            values[name] = posted[name]
    for field in fields:
        if field.shape == "departments":
            values |= departments_from(posted)
        elif text := visible(str(posted.get(field.name, ""))).strip():
            values[field.name] = text
    if action is Action.MERGE and "into" in values:
        try:
            values["into"] = ticket_id_of(values["into"])
        except ValueError:
            raise FormWrong({"into": "这不是本系统的单号，如 ST261125-7K3M9Q2X"}) from None
    try:
        command = COMMANDS[action].model_validate(values)
    except ValidationError as error:
        raise FormWrong(in_chinese(error, {field.name: field.label for field in fields})) from error
    check_own(command.command_id)
    return command


def number_in(text: object) -> int | None:
    """The number that was typed or stood in an address; None for anything else, or over 63 bits."""
    plain = str(text)
    return int(plain) if plain.isdecimal() and len(plain) < _TOO_LONG else None


def check_own(command_id: UUID) -> None:
    """Raises: FormWrong for an id of the hub's own kind, which no page of ours was given.

    Who brought that of a coming card could keep it from being issued.
    """
    if is_derived(command_id):
        raise FormWrong({"": OUTDATED})


def departments_from(posted: MultiMapping[str]) -> dict[str, Any]:
    """Form and departments, lead first. `lead` is a radio, `assist` are checkboxes.

    Only what the chosen form uses counts: a hidden choice of another form is left behind.
    """
    form = str(posted.get("dispatch_form", DispatchForm.SINGLE))
    lead = [str(code) for code in posted.getall("lead", []) if code][:1]
    others = [str(code) for code in posted.getall("assist", []) if code]
    if form == DispatchForm.PARALLEL:
        chosen = others
    elif form == DispatchForm.LEAD:
        chosen = lead + [code for code in others if code not in lead]
    else:
        chosen = lead
    return {"form": form, "departments": tuple(dict.fromkeys(chosen))}


def in_chinese(error: ValidationError, labels: Mapping[str, str]) -> dict[str, str]:
    """pydantic's complaints, one sentence a field; loc is joined by dots for nested values."""
    said: dict[str, str] = {}
    for problem in error.errors():
        place = _place(problem["loc"], labels)
        said.setdefault(place, _sentence(problem, labels.get(place, "本项")))
    return said


def _place(loc: Sequence[int | str], labels: Mapping[str, str]) -> str:
    dotted = ".".join(str(part) for part in loc if not isinstance(part, int))
    return dotted if dotted in labels else str(loc[0]) if loc else ""


def _sentence(problem: Any, label: str) -> str:
    template = _SENTENCES.get(problem["type"], "{label}填写有误")
    return template.format(label=label, **problem.get("ctx", {}))


# pydantic's kinds of complaint that our forms can meet
_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("missing", "string_too_short", "too_short"), "请填写{label}"),
        **dict.fromkeys(("string_too_long", "too_long"), "{label}最多 {max_length} 字"),
        **dict.fromkeys(("int_parsing", "int_type", "int_from_float"), "{label}请填写整数"),
        **dict.fromkeys(("enum", "bool_parsing", "bool_type"), "请选择{label}"),
        "greater_than_equal": "{label}不能小于 {ge}",
        "less_than_equal": "{label}不能大于 {le}",
        "string_pattern_mismatch": "{label}格式不对",
    }
)
