"""The choice among rules, classifier and duties; when a machine may act, and when not."""

from collections.abc import Sequence

import pytest

from routing.choose import NO_MODEL, SWITCHED_OFF, ModelAnswer, choose
from routing.clues import Clues
from routing.duties import Evidence
from routing.rules import Rule, Ruling
from schemas.matter import MatterKind, Urgency
from schemas.proposal import Proposal

DUTIES = tuple(
    Evidence(code, share, share * 10, (f"相关词语：{code}",))
    for code, share in [("a", 0.4), ("b", 0.3), ("c", 0.1), ("d", 0.1), ("e", 0.06), ("f", 0.04)]
)
CLUES = Clues("题", "文", MatterKind.COMPLAINT, Urgency.NORMAL)
RULE = Rule(code="r", name="某规则", any=("文",), department="c", reason="因")


def answer(*probabilities: tuple[str, float]) -> ModelAnswer:
    return ModelAnswer("m 1a2b", probabilities, {"a": 0.9, "b": 0.8, "c": 0.9}.get)


def chosen(
    ruling: Ruling | None = None,
    model: ModelAnswer | None = None,
    *,
    machine_dispatch: bool = True,
    clues: Clues = CLUES,
    duties: Sequence[Evidence] = DUTIES,
    keep: int | None = None,
) -> Proposal:
    return choose(clues, ruling, model, duties, machine_dispatch=machine_dispatch, keep=keep)


def ruled(**changes: object) -> Ruling:
    rule = RULE.model_copy(update=changes)
    return Ruling(rule, rule.department, ("规则：因",))


def codes(proposal: Proposal) -> list[str]:
    return [candidate.department for candidate in proposal.candidates]


def test_without_a_model_a_person_decides() -> None:
    proposal = chosen()
    assert codes(proposal) == ["a", "b", "c", "d", "e", "f"]
    assert not proposal.dispatch
    assert proposal.abstained_because == NO_MODEL
    assert proposal.model is None


def test_without_a_model_not_even_a_rule_that_may_dispatch_does() -> None:
    proposal = chosen(ruled(dispatch=True))
    assert not proposal.dispatch
    assert proposal.abstained_because == NO_MODEL
    assert proposal.rule == "r"


def test_a_rule_comes_first_and_the_others_keep_their_order() -> None:
    proposal = chosen(ruled())
    assert codes(proposal) == ["c", "a", "b", "d", "e", "f"]
    assert proposal.candidates[0].reasons == ("规则：因", "相关词语：c")
    assert sum(each.probability for each in proposal.candidates) == pytest.approx(1, abs=0.001)


def test_a_rule_without_department_says_why_a_person_decides() -> None:
    proposal = chosen(ruled(department=None), answer(("a", 0.99)))
    assert codes(proposal)[0] == "a"
    assert not proposal.dispatch
    assert proposal.abstained_because == "因"


def test_the_model_orders_and_the_duties_explain() -> None:
    proposal = chosen(None, answer(("b", 0.85), ("a", 0.1), ("gone", 0.05)))
    assert codes(proposal) == ["b", "a", "c", "d", "e", "f"]
    assert proposal.candidates[0].reasons == ("相关词语：b",)
    assert proposal.dispatch
    assert proposal.abstained_because is None
    assert proposal.model == "m 1a2b"


@pytest.mark.parametrize(
    ("ruling", "model", "machine_dispatch", "because"),
    [
        (None, answer(("b", 0.85)), False, SWITCHED_OFF),
        (None, answer(("a", 0.85)), True, "首选概率 0.85 低于门限 0.90，请人工选定"),
        (None, answer(("d", 0.99)), True, "首选部门不允许机器派单，请人工选定"),
        (ruled(), answer(("c", 0.99)), True, "规则“某规则”须人工确认"),
        (ruled(dispatch=True), answer(("a", 0.99)), False, SWITCHED_OFF),
        (ruled(dispatch=True), answer(("a", 0.99)), True, None),
    ],
)
def test_when_a_machine_may_dispatch(
    ruling: Ruling | None, model: ModelAnswer, machine_dispatch: bool, because: str | None
) -> None:
    proposal = chosen(ruling, model, machine_dispatch=machine_dispatch)
    assert proposal.abstained_because == because
    assert proposal.dispatch is (because is None)


def test_the_machine_does_not_dispatch_again_to_who_sent_it_back() -> None:
    back = Clues("题", "文", MatterKind.COMPLAINT, Urgency.NORMAL, sent_back_by=frozenset({"b"}))
    proposal = chosen(None, answer(("b", 1.0)), clues=back)
    assert not proposal.dispatch
    assert "该部门已退回本工单" in proposal.candidates[codes(proposal).index("b")].reasons
    assert codes(chosen(clues=back))[-1] == "b"


def test_at_least_five_candidates_are_kept() -> None:
    assert len(chosen(keep=2).candidates) == 5
    assert len(chosen(keep=6).candidates) == 6
    assert len(chosen(duties=DUTIES[:2], keep=6).candidates) == 2
