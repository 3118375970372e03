"""The department picker: candidates by falling probability, and whatever was searched for."""

from collections.abc import Sequence
from dataclasses import dataclass

from multidict import MultiMapping

from console.deps import Deps
from schemas.events import ProposalMade, Recorded
from schemas.proposal import Candidate, Proposal
from schemas.ticket import DispatchForm

SHOWN = 5


@dataclass(frozen=True)
class Choice:
    """A department that can be picked. percent: None when nobody proposed it."""

    code: str
    name: str
    percent: int | None
    reasons: str


@dataclass(frozen=True)
class Picker:
    """form, lead, assist: what is chosen now."""

    choices: list[Choice]
    form: DispatchForm
    lead: str
    assist: frozenset[str]
    note: str  # what the machine says about its own proposal


async def picker_for(deps: Deps, ticket_id: int, posted: MultiMapping[str] | None) -> Picker:
    """From the newest proposal in the ticket's history; what was posted stays chosen."""
    proposal = newest_proposal(await deps.store.tickets.history(ticket_id))
    return picker(deps, proposal, posted)


def newest_proposal(history: Sequence[Recorded]) -> Proposal | None:
    made = (r.event.proposal for r in reversed(history) if isinstance(r.event, ProposalMade))
    return next(made, None)


def picker(deps: Deps, proposal: Proposal | None, posted: MultiMapping[str] | None) -> Picker:
    candidates = proposal.candidates[:SHOWN] if proposal else ()
    choices = [_choice(deps, candidate) for candidate in candidates]
    form, lead, assist = DispatchForm.SINGLE, choices[0].code if choices else "", frozenset[str]()
    if posted is not None:
        text = str(posted.get("dispatch_form", ""))
        form = DispatchForm(text) if text in set(DispatchForm) else form
        lead = str(posted.get("lead", ""))
        assist = frozenset(map(str, posted.getall("assist", [])))
    known = {choice.code for choice in choices}
    chosen = [code for code in (lead, *sorted(assist)) if code and code not in known]
    choices += [Choice(code, deps.department_name(code), None, "查找所得") for code in chosen]
    return Picker(choices, form, lead, assist, _note(proposal))


def _choice(deps: Deps, candidate: Candidate) -> Choice:
    return Choice(
        candidate.department,
        deps.department_name(candidate.department),
        round(candidate.probability * 100),
        "；".join(candidate.reasons),
    )


def _note(proposal: Proposal | None) -> str:
    if proposal is None:
        return "尚无派单建议，请按名称查找部门。"
    if not proposal.candidates:
        return proposal.abstained_because or "没有合适的候选部门，请按名称查找。"
    if proposal.rule:
        return f"按规则建议：{proposal.rule}"
    if proposal.abstained_because:
        return f"机器未自动派发：{proposal.abstained_because}"
    return f"机器建议最高 {proposal.candidates[0].probability:.0%}，请人工选定。"
