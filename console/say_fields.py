"""What is wrong with the fields of a JSON body, in Chinese and by their place in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import ValidationError


@dataclass(frozen=True)
class Wrong:
    """field: dotted place in the body, `matter.title`; "" for the body as a whole."""

    field: str
    message: str


_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "missing": "必须填写",
        "extra_forbidden": "没有这个字段",
        **dict.fromkeys(("string_too_short", "too_short"), "不能为空"),
        **dict.fromkeys(("string_too_long", "too_long"), "最多 {max_length} 个"),
        **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "应为整数"),
        **dict.fromkeys(("bool_type", "bool_parsing"), "应为 true 或 false"),
        **dict.fromkeys(("string_type", "string_unicode"), "应为文字"),
        **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "应为 JSON 对象"),
        **dict.fromkeys(("tuple_type", "list_type", "frozen_set_type"), "应为 JSON 数组"),
        "enum": "只能是 {expected} 之一",
        "literal_error": "只能是 {expected} 之一",
        "greater_than_equal": "不能小于 {ge}",
        "less_than_equal": "不能大于 {le}",
        "string_pattern_mismatch": "格式不对",
        "timezone_aware": "时间须带时区，如 2026-11-25T10:00:00+08:00",
        "json_invalid": "不是有效的 JSON",
        "value_error": "内容校验不通过，请核对",
    }
)
_TIMES = ("datetime_", "date_", "timezone_")


def wrong_fields(error: ValidationError, below: str = "") -> tuple[Wrong, ...]:
    """pydantic's complaints, each at its place; never the value, which may be personal data."""
    return tuple(
        Wrong(
            ".".join(str(part) for part in ((below,) if below else ()) + problem["loc"]),
            _sentence(problem["type"], problem.get("ctx", {})),
        )
        for problem in error.errors(include_url=False, include_input=False)
    )


def _sentence(kind: str, context: Mapping[str, object]) -> str:
    template = _SENTENCES.get(kind)
    if template is None:
        return "时间格式不对" if kind.startswith(_TIMES) else "填写有误"
    return template.format_map({name: str(value) for name, value in context.items()})
