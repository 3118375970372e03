"""Which events ask for a proposal, and when the machine may dispatch by itself."""

import pytest

from schemas import commands as cmd
from schemas.events import Recorded
from schemas.lifecycle import Action
from schemas.proposal import Candidate, Proposal
from schemas.ticket import HandlingMode, State
from streams.assign import commands_for, wants_proposal
from tests.schemas import cases
from tests.schemas.cases import DISPATCHER, OPERATOR, REVIEWER, Walk, handler
from tests.schemas.test_winding import recorded

SURE = Proposal(candidates=(Candidate(department="d1", probability=0.97),), dispatch=True)
UNSURE = SURE.model_copy(update={"dispatch": False})


def last(walk: Walk) -> Recorded:
    return recorded(walk)[-1]


def sent_back() -> Walk:
    walk = cases.dispatched().do(Action.ASK_SEND_BACK, handler())
    return walk.do(Action.GRANT_SEND_BACK, REVIEWER, review_no=walk.open_review())


def test_the_machine_dispatches_what_was_just_accepted_if_it_is_sure() -> None:
    walk = cases.accepted()
    propose, dispatch = commands_for(last(walk), SURE, walk.ticket)
    assert isinstance(propose, cmd.Propose)
    assert isinstance(dispatch, cmd.DispatchTicket)
    assert dispatch.departments == ("d1",)
    walk.execute(propose).execute(dispatch)
    assert walk.ticket.state is State.DISPATCHED


@pytest.mark.parametrize("proposal", [UNSURE, Proposal(candidates=(), dispatch=True)])
def test_without_certainty_a_person_chooses(proposal: Proposal) -> None:
    walk = cases.accepted()
    assert len(commands_for(last(walk), proposal, walk.ticket)) == 1


def test_what_came_back_or_is_answered_here_is_for_a_person() -> None:
    back = sent_back()
    assert wants_proposal(last(back).event)
    assert len(commands_for(last(back), SURE, back.ticket)) == 1
    here = cases.registered(handling_mode=HandlingMode.ANSWER).do(Action.ACCEPT, OPERATOR)
    assert len(commands_for(last(here), SURE, here.ticket)) == 1


def test_only_what_comes_to_the_dispatch_desk_is_proposed_for() -> None:
    asked = [one.event.kind for one in recorded(sent_back()) if wants_proposal(one.event)]
    assert asked == ["ticket_accepted", "send_back_granted"]
    walk = cases.accepted().do(
        Action.SUPPLEMENT, DISPATCHER.model_copy(update={"roles": OPERATOR.roles})
    )
    assert not wants_proposal(last(walk).event)


def test_the_same_event_gives_the_same_ids() -> None:
    walk = cases.accepted()
    first, again = (commands_for(last(walk), SURE, walk.ticket) for _ in range(2))
    assert [c.command_id for c in first] == [c.command_id for c in again]
    assert len({c.command_id for c in first}) == 2
