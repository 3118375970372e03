"""Rules, classifier and duties become one Proposal with reasons. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from routing.clues import Clues
from routing.duties import Evidence
from routing.rules import Ruling
from schemas.proposal import Candidate, Proposal

NO_MODEL = "尚未训练模型，请人工选定"
NO_CLUE = "文字中没有可辨认的线索，候选仅按各部门一般来件量排列"
SWITCHED_OFF = "机器派单未启用，请人工选定"
_RULED = 0.9  # share of the department that a hard rule means; the others divide the rest
_AFTER_SEND_BACK = 0.05  # what is left of the share of a department that sent the ticket back


class Classifier(Protocol):
    """A trained model, as the choice sees it."""

    @property
    def name(self) -> str:
        """Name and hash; kept with every proposal."""
        ...

    def probabilities(self, text: str) -> Sequence[tuple[str, float]]:
        """Departments with calibrated probabilities, in any order; together at most 1."""
        ...

    def threshold(self, department: str) -> float | None:
        """The probability from which a machine may dispatch to it; None: never."""
        ...


@dataclass(frozen=True)
class ModelAnswer:
    """What the classifier says of one matter, together with its thresholds."""

    model: str
    probabilities: Sequence[tuple[str, float]]
    threshold: Callable[[str], float | None]


def choose(
    clues: Clues,
    ruling: Ruling | None,
    answer: ModelAnswer | None,
    duties: Sequence[Evidence],
    *,
    machine_dispatch: bool,
    keep: int | None,
) -> Proposal:
    """One proposal from all that is known.

    duties:  every department that exists, by falling share: no other is ever proposed.
    keep:    candidates kept, at least the five best where there are so many; None keeps all.
    """
    ranked = _lowered(_ruled(_shares(answer, duties), ruling), clues.sent_back_by)
    reasons = {each.department: each.reasons for each in duties}
    order = sorted(ranked, key=lambda each: -each[1])  # stable: equals as the duties rank them
    candidates = tuple(
        Candidate(
            department=code,
            probability=round(min(1.0, share), 4),
            reasons=_reasons(code, reasons[code], ruling, clues),
        )
        for code, share in order[: None if keep is None else max(5, keep)]
    )
    because = _abstention(candidates, ruling, answer, machine_dispatch)
    if because == NO_MODEL and ruling is None and not any(each.points for each in duties):
        because = f"{NO_MODEL}；{NO_CLUE}"
    return Proposal(
        candidates=candidates,
        dispatch=because is None,
        abstained_because=because,
        rule=ruling.rule.code if ruling else None,
        model=answer.model if answer else None,
    )


_Shares = list[tuple[str, float]]


def _shares(answer: ModelAnswer | None, duties: Sequence[Evidence]) -> _Shares:
    """By the model where there is one; departments it does not know follow with nothing."""
    if answer is None:
        return [(each.department, each.share) for each in duties]
    known = dict(answer.probabilities)
    return [(each.department, known.get(each.department, 0.0)) for each in duties]


def _ruled(shares: _Shares, ruling: Ruling | None) -> _Shares:
    if ruling is None or ruling.department is None:
        return shares
    others = sum(share for code, share in shares if code != ruling.department)
    rest = (1 - _RULED) / others if others > 0 else 0.0
    return [(code, _RULED if code == ruling.department else share * rest) for code, share in shares]


def _lowered(shares: _Shares, sent_back_by: frozenset[str]) -> _Shares:
    return [
        (code, share * _AFTER_SEND_BACK if code in sent_back_by else share)
        for code, share in shares
    ]


def _reasons(
    code: str, own: tuple[str, ...], ruling: Ruling | None, clues: Clues
) -> tuple[str, ...]:
    by_rule = ruling.reasons if ruling is not None and ruling.department == code else ()
    sent_back = ("该部门已退回本工单",) if code in clues.sent_back_by else ()
    return (*by_rule, *sent_back, *own)


def _abstention(
    candidates: tuple[Candidate, ...],
    ruling: Ruling | None,
    answer: ModelAnswer | None,
    machine_dispatch: bool,
) -> str | None:
    """Why a machine may not dispatch to the first candidate (Chinese); None when it may."""
    if ruling is not None and ruling.department is None:
        return ruling.rule.reason
    if answer is None:
        return NO_MODEL
    if not machine_dispatch:
        return SWITCHED_OFF
    if ruling is not None:
        return None if ruling.rule.dispatch else f"规则“{ruling.rule.name}”须人工确认"
    return _below_threshold(candidates[0], answer)


def _below_threshold(first: Candidate, answer: ModelAnswer) -> str | None:
    if (least := answer.threshold(first.department)) is None:
        return "首选部门不允许机器派单，请人工选定"
    if first.probability < least:
        return f"首选概率 {first.probability:.2f} 低于门限 {least:.2f}，请人工选定"
    return None
