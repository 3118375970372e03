"""The table of limits a new hub starts with. Each number is a row to be changed, never code.

Only rules that a public source states are not marked as assumed; docs/time-limits.md shows all.
"""

from schemas.matter import MatterKind, Urgency
from schemas.sla import LimitRule, Step
from schemas.working_time import Limit

GUANGDONG = "广东省 12345 政务服务便民热线办理时限 (2022)"
BEIJING = "北京市接诉即办响应时限 (2021)"
MARKET_ORDER = "市场监督管理投诉举报处理暂行办法 (总局令第 20 号, 2020)"
CUSTOM = "各地 12345 承办单位退单通行规定 (二手公开资料)"
OURS = "本系统默认值, 待确认"
MARKET = "商贸旅游/市场监管"  # the branch of the category tree that order 20 speaks of

_days, _hours = Limit.working_days, Limit.hours


def _published(
    rule_id: str,
    step: Step,
    limit: Limit,
    source_of_rule: str,
    *,
    kind: MatterKind | None = None,
    urgency: Urgency | None = None,
    category_code: str | None = None,
) -> LimitRule:
    return LimitRule(
        rule_id=rule_id,
        step=step,
        limit=limit,
        matter_kind=kind,
        urgency=urgency,
        category_code=category_code,
        source_of_rule=source_of_rule,
        assumed=False,
    )


def _assumed(rule_id: str, step: Step, limit: Limit, urgency: Urgency | None = None) -> LimitRule:
    return LimitRule(
        rule_id=rule_id,
        step=step,
        limit=limit,
        urgency=urgency,
        source_of_rule=OURS,
        assumed=True,
    )


DEFAULT_LIMITS: tuple[LimitRule, ...] = (
    # the whole way: by kind, and by urgency in hours, whatever the kind
    _published("total-inquiry", Step.TOTAL, _days(2), GUANGDONG, kind=MatterKind.INQUIRY),
    _published("total-help", Step.TOTAL, _days(10), GUANGDONG, kind=MatterKind.HELP),
    _published("total-suggestion", Step.TOTAL, _days(10), GUANGDONG, kind=MatterKind.SUGGESTION),
    _published("total-complaint", Step.TOTAL, _days(15), GUANGDONG, kind=MatterKind.COMPLAINT),
    _published("total-tip-off", Step.TOTAL, _days(15), GUANGDONG, kind=MatterKind.TIP_OFF),
    LimitRule(
        rule_id="total-praise",
        step=Step.TOTAL,
        limit=_days(10),
        matter_kind=MatterKind.PRAISE,
        source_of_rule=OURS,
        assumed=True,
    ),
    _published("total-urgent", Step.TOTAL, _hours(24), BEIJING, urgency=Urgency.URGENT),
    _published("total-critical", Step.TOTAL, _hours(2), BEIJING, urgency=Urgency.CRITICAL),
    # the hub's own steps
    _assumed("accept", Step.ACCEPT, _days(1)),
    _assumed("accept-urgent", Step.ACCEPT, _hours(2), Urgency.URGENT),
    _assumed("accept-critical", Step.ACCEPT, _hours(1), Urgency.CRITICAL),
    _assumed("dispatch", Step.DISPATCH, _days(1)),
    _assumed("dispatch-urgent", Step.DISPATCH, _hours(2), Urgency.URGENT),
    _assumed("dispatch-critical", Step.DISPATCH, _hours(1), Urgency.CRITICAL),
    _assumed("review", Step.REVIEW, _days(1)),
    _assumed("extension-review", Step.EXTENSION_REVIEW, _days(1)),
    _assumed("reply", Step.REPLY, _days(1)),
    _assumed("rating", Step.RATING, _days(5)),
    _assumed("follow-up", Step.FOLLOW_UP, _days(1)),
    # the department's steps, from dispatch on
    _assumed("acknowledge", Step.ACKNOWLEDGE, _days(1)),
    _assumed("acknowledge-urgent", Step.ACKNOWLEDGE, _hours(2), Urgency.URGENT),
    _assumed("acknowledge-critical", Step.ACKNOWLEDGE, _hours(1), Urgency.CRITICAL),
    _published("send-back", Step.SEND_BACK, _days(1), CUSTOM),
    # market regulation: looser than the rows above where both apply, so they bind only a hub
    # whose owner removes those
    _published(
        "accept-market-complaint",
        Step.ACCEPT,
        _days(7),
        MARKET_ORDER,
        kind=MatterKind.COMPLAINT,
        category_code=MARKET,
    ),
    _published(
        "handle-market-complaint",
        Step.HANDLE,
        _days(45),
        MARKET_ORDER,
        kind=MatterKind.COMPLAINT,
        category_code=MARKET,
    ),
    _published(
        "handle-market-tip-off",
        Step.HANDLE,
        _days(15),
        MARKET_ORDER,
        kind=MatterKind.TIP_OFF,
        category_code=MARKET,
    ),
    _published(
        "reply-market",
        Step.REPLY,
        _days(7),
        MARKET_ORDER,
        category_code=MARKET,
    ),
)

_HEADER = ("规则", "环节", "适用", "时限", "依据", "假定")


def limits_table(rules: tuple[LimitRule, ...] = DEFAULT_LIMITS) -> str:
    """The rows as a Markdown table; docs/time-limits.md must contain exactly this."""
    rows = [_HEADER, tuple("---" for _ in _HEADER)]
    rows += [
        (
            f"`{rule.rule_id}`",
            f"{rule.step.text} `{rule.step}`",
            _conditions(rule),
            rule.limit.text,
            rule.source_of_rule,
            "是" if rule.assumed else "",
        )
        for rule in rules
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _conditions(rule: LimitRule) -> str:
    asked = (
        ("kind", rule.matter_kind),
        ("urgency", rule.urgency),
        ("category", rule.category_code),
        ("source", rule.source),
    )
    return ", ".join(f"{name} = {value}" for name, value in asked if value) or "全部"
