"""Every action through its form: what it needs, what it does, what a refusal looks like."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from console.forms import FORMS
from console.rendering import fresh_command_id
from schemas.commands import SendReminder
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from schemas.parties import Actor, Role
from schemas.ticket import ReminderKind, Source, State, Ticket
from tests.console.stage import Stage

Made = Callable[[Stage], Awaitable[Ticket]]


async def _asked_decline(stage: Stage) -> Ticket:
    ticket = await stage.registered(superior_assigned=True, source=Source.PROVINCIAL)
    return await stage.do("operator", Action.ASK_DECLINE, ticket.ticket_id, reason="越级")


async def _superior(stage: Stage) -> Ticket:
    return await stage.registered(superior_assigned=True, source=Source.PROVINCIAL)


async def _asked_send_back(stage: Stage) -> Ticket:
    ticket = await stage.dispatched()
    return await stage.do("handler", Action.ASK_SEND_BACK, ticket.ticket_id, reason="非本部门职责")


async def _final(stage: Stage) -> Ticket:
    """A department's second send-back: the leader's final ruling is wanted."""
    ticket = await _asked_send_back(stage)
    await stage.do(
        "reviewer", Action.GRANT_SEND_BACK, ticket.ticket_id,
        review_no=ticket.open_reviews[0].review_no, departments=("cgj",),
    )  # fmt: skip
    return await stage.do("other", Action.ASK_SEND_BACK, ticket.ticket_id, reason="也不是")


async def _asked_extension(stage: Stage) -> Ticket:
    ticket = await stage.acknowledged()
    return await stage.do(
        "handler", Action.REQUEST_EXTENSION, ticket.ticket_id, working_days=5, reason="鉴定"
    )


async def _reminded(stage: Stage) -> Ticket:
    ticket = await stage.acknowledged()
    return await stage.do("leader", Action.REMIND, ticket.ticket_id, text="请尽快")


async def _suspended(stage: Stage) -> Ticket:
    ticket = await stage.acknowledged()
    return await stage.do("leader", Action.SUSPEND, ticket.ticket_id, reason="等待检验")


async def _closed(stage: Stage) -> Ticket:
    ticket = await stage.awaiting_follow_up(source=Source.COUNTER)
    return await stage.do(
        "operator", Action.FOLLOW_UP, ticket.ticket_id, satisfied=True, resolved=True
    )


async def _draft(stage: Stage) -> Ticket:
    return await stage.draft()


SINGLE = {"dispatch_form": "single", "lead": "cgj", "note": "请核查"}
# action, who, from, typed fields, state afterwards
CASES: list[tuple[Action, str, Made, dict[str, Any], State]] = [
    (Action.DISCARD, "operator", _draft, {"reason": "误拨"}, State.DISCARDED),
    (Action.ACCEPT, "operator", Stage.registered, {"note": ""}, State.ACCEPTED),
    (Action.DECLINE, "operator", Stage.registered, {"reason": "已诉讼"}, State.DECLINED),
    (Action.ASK_DECLINE, "operator", _superior, {"reason": "越级"}, State.RECEIVED),
    (Action.GRANT_DECLINE, "reviewer", _asked_decline, {}, State.DECLINED),
    (Action.REFUSE_DECLINE, "reviewer", _asked_decline, {"reason": "属本市"}, State.ACCEPTED),
    (Action.SUPPLEMENT, "operator", Stage.registered, {"text": "另有票据"}, State.RECEIVED),
    (Action.ANSWER_DIRECTLY, "operator", Stage.accepted, {"text": "政策是"},
     State.AWAITING_FOLLOW_UP),
    (Action.DISPATCH, "dispatcher", Stage.accepted, SINGLE, State.DISPATCHED),
    (Action.REDISPATCH, "dispatcher", Stage.dispatched, SINGLE, State.DISPATCHED),
    (Action.RETURN_TO_INTAKE, "dispatcher", Stage.accepted, {"reason": "要补"}, State.RECEIVED),
    (Action.ACKNOWLEDGE, "handler", Stage.dispatched, {}, State.ACKNOWLEDGED),
    (Action.GIVE_FEEDBACK, "handler", Stage.acknowledged, {"text": "已约谈"}, State.ACKNOWLEDGED),
    (Action.MEDIATE, "handler", Stage.acknowledged, {"agreed": "true", "text": "双方同意"},
     State.ACKNOWLEDGED),
    (Action.COMPLETE, "handler", Stage.acknowledged, {"result": "已退款"}, State.COMPLETED),
    (Action.ASK_SEND_BACK, "handler", Stage.dispatched, {"reason": "非职责"}, State.DISPATCHED),
    (Action.GRANT_SEND_BACK, "reviewer", _asked_send_back, {"note": ""}, State.ACCEPTED),
    (Action.GRANT_SEND_BACK, "dispatcher", _asked_send_back, SINGLE, State.DISPATCHED),
    (Action.REFUSE_SEND_BACK, "reviewer", _asked_send_back, {"reason": "是职责"},
     State.DISPATCHED),
    (Action.RULE_FINALLY, "leader", _final, SINGLE, State.DISPATCHED),
    (Action.REQUEST_EXTENSION, "handler", Stage.acknowledged,
     {"working_days": "5", "reason": "鉴定"}, State.ACKNOWLEDGED),
    (Action.GRANT_EXTENSION, "reviewer", _asked_extension, {"working_days": "3"},
     State.ACKNOWLEDGED),
    (Action.REFUSE_EXTENSION, "reviewer", _asked_extension, {"reason": "够了"},
     State.ACKNOWLEDGED),
    (Action.PASS_CLOSURE, "reviewer", Stage.completed, {"note": "好"}, State.AWAITING_REPLY),
    (Action.RETURN_CLOSURE, "reviewer", Stage.completed, {"reason": "未答复"}, State.DISPATCHED),
    (Action.REDISPATCH_CLOSURE, "reviewer", Stage.completed, SINGLE, State.DISPATCHED),
    (Action.REPLY, "operator", Stage.awaiting_reply, {"text": "已退款"},
     State.AWAITING_FOLLOW_UP),
    (Action.FOLLOW_UP, "operator", Stage.awaiting_follow_up,
     {"satisfied": "true", "resolved": "false"}, State.AWAITING_RATING),
    (Action.NOTE_UNREACHED, "operator", Stage.awaiting_follow_up, {"note": "关机"},
     State.AWAITING_FOLLOW_UP),
    (Action.REWORK, "operator", Stage.awaiting_follow_up,
     {"satisfied": "false", "resolved": "false", "reason": "未退"}, State.DISPATCHED),
    (Action.CLOSE, "leader", Stage.completed, {"reason": "一次办结", "reply": "已办"},
     State.CLOSED),
    (Action.SUSPEND, "leader", Stage.acknowledged, {"reason": "检验"}, State.SUSPENDED),
    (Action.RESUME, "leader", _suspended, {}, State.ACKNOWLEDGED),
    (Action.WITHDRAW, "operator", Stage.accepted, {"reason": "诉求人撤回"}, State.WITHDRAWN),
    (Action.REMIND, "leader", Stage.acknowledged, {"text": "请尽快"}, State.ACKNOWLEDGED),
    (Action.ANSWER_REMINDER, "handler", _reminded, {"text": "本周办结"}, State.ACKNOWLEDGED),
    (Action.ARCHIVE, "leader", _closed, {}, State.ARCHIVED),
]  # fmt: skip


def test_every_form_is_tried() -> None:
    assert {case[0] for case in CASES} | {Action.MERGE} == set(FORMS)


@pytest.mark.parametrize(
    ("action", "who", "made", "typed", "after"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
async def test_action_is_offered_and_done_by_its_form(
    stage: Stage, action: Action, who: str, made: Made, typed: dict[str, Any], after: State
) -> None:
    ticket = await made(stage)
    browser = await stage.browser(who)
    path = f"/tickets/{ticket.ticket_id}/actions/{action}"
    await browser.get(f"/tickets/{ticket.ticket_id}")
    assert f'data-test="offer-{action}"' in browser.text
    await browser.get(path, htmx=True)
    assert "<!doctype" not in browser.text, "a fragment"
    answer = await browser.post(path, typed, htmx=True)
    assert answer.status == 204, browser.text
    assert answer.headers["HX-Redirect"] == f"/tickets/{ticket.ticket_id}?done={action}"
    head = await stage.head(ticket.ticket_id)
    assert head.version > ticket.version
    assert head.state is after
    answer = await browser.get(answer.headers["HX-Redirect"])
    if answer.status == 200:  # a department that was let off sees it still; admins never did
        assert "已办理：" in browser.text


async def test_merge_takes_the_number_people_read(stage: Stage) -> None:
    kept, doubled = await stage.accepted(), await stage.accepted()
    browser = await stage.browser("operator")
    path = f"/tickets/{doubled.ticket_id}/actions/merge"
    await browser.get(path)
    answer = await browser.post(path, {"into": "ST-nonsense", "reason": "重复"})
    assert answer.status == 422
    assert "这不是本系统的单号" in browser.text
    answer = await browser.post(path, {"into": ticket_no(kept.ticket_id).lower(), "reason": "重复"})
    assert answer.status == 303
    assert (await stage.head(doubled.ticket_id)).merged_into == kept.ticket_id


async def test_double_click_is_one_command(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    browser = await stage.browser("handler")
    path = f"/tickets/{ticket.ticket_id}/actions/give_feedback"
    await browser.get(path)
    form = browser.hidden(path)
    for _ in range(2):
        answer = await browser.post(path, [*form, ("text", "已约谈")], hidden=False)
        assert answer.status == 303
    assert (await stage.head(ticket.ticket_id)).version == ticket.version + 1


@pytest.mark.parametrize("refused", [False, True])
async def test_a_form_sent_again_with_other_words_is_not_taken_for_done(
    stage: Stage, refused: bool
) -> None:
    ticket = await stage.acknowledged()
    browser = await stage.browser("handler")
    path = f"/tickets/{ticket.ticket_id}/actions/give_feedback"
    await browser.get(path)
    form = browser.hidden(path)
    if refused:
        await stage.do("leader", Action.SUSPEND, ticket.ticket_id, reason="检验")
    before = await stage.head(ticket.ticket_id)
    for text in ("已约谈", "已退款"):
        answer = await browser.post(path, [*form, ("text", text)], hidden=False)
    assert answer.status == 409
    assert "这张表单已经提交过一次" in browser.text
    assert "已退款" in browser.text, "what was typed is kept"
    made = 0 if refused else 1
    assert (await stage.head(ticket.ticket_id)).version == before.version + made


async def test_missing_text_is_said_beside_the_field(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    browser = await stage.browser("handler")
    path = f"/tickets/{ticket.ticket_id}/actions/request_extension"
    await browser.get(path)
    answer = await browser.post(path, {"working_days": "many", "reason": "  "}, htmx=True)
    assert answer.status == 422
    assert "延长（工作日）请填写整数" in browser.text
    assert "请填写延期理由" in browser.text
    assert 'aria-describedby="wrong-reason"' in browser.text
    answer = await browser.post(path, {"working_days": "91", "reason": "鉴定"})
    assert "延长（工作日）不能大于 90" in browser.text
    assert "<!doctype" in browser.text, "without htmx the whole page comes back"
    assert "鉴定" in browser.text, "what was typed is kept"


async def test_refusal_says_what_happened_and_a_second_try_is_a_new_command(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    browser = await stage.browser("handler")
    path = f"/tickets/{ticket.ticket_id}/actions/complete"
    await browser.get(path)
    before = dict(browser.hidden(path))["command_id"]
    await stage.do("leader", Action.SUSPEND, ticket.ticket_id, reason="检验")
    answer = await browser.post(path, {"result": "已退款"}, htmx=True)
    assert answer.status == 409
    assert "工单现在是“已挂起”，不能办结。" in browser.text
    assert "已退款" in browser.text
    assert dict(browser.hidden(path))["command_id"] != before
    await stage.do("leader", Action.RESUME, ticket.ticket_id)
    assert (await browser.post(path, {"result": "已退款"}, htmx=True)).status == 204


async def test_closure_is_not_passed_over_news(stage: Stage) -> None:
    ticket = await stage.completed()
    browser = await stage.browser("reviewer")
    path = f"/tickets/{ticket.ticket_id}/actions/pass_closure"
    await browser.get(path)
    await stage.do("operator", Action.SUPPLEMENT, ticket.ticket_id, text="又出新情况")
    answer = await browser.post(path, {}, htmx=True)
    assert answer.status == 409
    assert "已被他人办理过" in browser.text
    assert (await browser.post(path, {}, htmx=True)).status == 204, "now he has seen it"


async def test_other_roles_and_other_departments_are_refused(stage: Stage) -> None:
    ticket = await stage.dispatched()
    path = f"/tickets/{ticket.ticket_id}/actions/acknowledge"
    operator = await stage.browser("operator")
    assert (await operator.get(path)).status == 403
    await operator.get(f"/tickets/{ticket.ticket_id}")
    answer = await operator.post(path, {"command_id": fresh_command_id(stage.clock())}, htmx=True)
    assert answer.status == 403
    assert "您的岗位不能签收。" in operator.text
    other = await stage.browser("other")
    assert (await other.get(path)).status == 404, "another department does not see the ticket"
    assert (await other.get(f"/tickets/{ticket.ticket_id}")).status == 404


async def test_assisting_department_acts_for_itself_only(stage: Stage) -> None:
    ticket = await stage.dispatched("scjg", "cgj")
    other = await stage.browser("other")
    path = f"/tickets/{ticket.ticket_id}/actions/acknowledge"
    await other.get(path)
    answer = await other.post(path, {"department": "scjg"})
    assert answer.status == 303
    head = await stage.head(ticket.ticket_id)
    states = {share.department: share.state for share in head.assignments}
    assert states == {"scjg": "pending", "cgj": "acknowledged"}


async def test_action_of_a_machine_has_no_form(stage: Stage) -> None:
    ticket = await stage.accepted()
    browser = await stage.browser("dispatcher")
    for action in ("propose", "nonsense"):
        assert (await browser.get(f"/tickets/{ticket.ticket_id}/actions/{action}")).status == 404


async def test_reminder_from_above_is_answered(stage: Stage) -> None:
    ticket = await stage.accepted()
    await stage.store.desk.execute(
        SendReminder(
            command_id=UUID(fresh_command_id(stage.clock())),
            ticket_id=ticket.ticket_id,
            actor=Actor(actor_id="peer:province", roles=frozenset({Role.PEER})),
            at=stage.clock(),
            reminder=ReminderKind.SUPERIOR,
            text="省里催",
        )
    )
    browser = await stage.browser("operator")
    await browser.get("/intake?tab=reminders")
    assert "上级催办：省里催" in browser.text
    await browser.get(f"/tickets/{ticket.ticket_id}/actions/answer_reminder")
    assert 'name="reminder_no"' in browser.text
    path = f"/tickets/{ticket.ticket_id}/actions/answer_reminder"
    assert (await browser.post(path, {"text": "已派"})).status == 303
    await browser.get("/intake?tab=reminders")
    assert "省里催" not in browser.text
