"""Lists of what is marked: reminders without an answer, mediations, low satisfaction; and rates."""

import re

import pytest

from console.rates import percent
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from schemas.ticket import ReminderKind, Ticket
from tests.console.stage import Browser, Stage


def listed(browser: Browser, key: str) -> list[str]:
    """Ticket numbers of one list of the page, in its order."""
    start = browser.text.find(f'data-test="list-{key}"')
    if start < 0:
        return []
    part = browser.text[start : browser.text.index("</section>", start)]
    return re.findall(r'<td class="st-no">([^<]+)</td>', part)


def numbers(*tickets: Ticket) -> list[str]:
    return [ticket_no(ticket.ticket_id) for ticket in tickets]


async def reminded(stage: Stage, kind: ReminderKind, user: str = "leader") -> Ticket:
    ticket = await stage.registered()
    await stage.do(user, Action.REMIND, ticket.ticket_id, text="请尽快", reminder=kind)
    return await stage.head(ticket.ticket_id)


async def called(stage: Stage, *, satisfied: bool, resolved: bool) -> Ticket:
    ticket = await stage.awaiting_follow_up()
    return await stage.do(
        "operator", Action.FOLLOW_UP, ticket.ticket_id, satisfied=satisfied, resolved=resolved
    )


async def test_unanswered_reminders_are_listed_and_counted_until_answered(stage: Stage) -> None:
    by_hand = await reminded(stage, ReminderKind.MANUAL)
    quiet = await stage.registered()
    leader = await stage.browser("leader")
    await leader.get("/supervise?tab=reminded")
    assert listed(leader, "reminded") == numbers(by_hand)
    assert ticket_no(quiet.ticket_id) not in leader.text
    assert "人工催办：请尽快" in leader.text
    assert re.search(r'data-test="tab-reminded">催办未答复<b>1</b>', leader.text)
    await stage.do(
        "operator", Action.ANSWER_REMINDER, by_hand.ticket_id,
        reminder_no=by_hand.reminders[0].reminder_no, text="已在办",
    )  # fmt: skip
    await leader.get("/supervise?tab=reminded")
    assert "催办都已答复" in leader.text


async def test_reminders_from_above_are_a_list_of_their_own(stage: Stage) -> None:
    await reminded(stage, ReminderKind.MANUAL)
    above = await reminded(stage, ReminderKind.SUPERIOR)
    national = await reminded(stage, ReminderKind.NATIONAL)
    operator = await stage.browser("operator")
    await operator.get("/intake?tab=reminders")
    assert listed(operator, "reminders") == numbers(national, above)
    assert re.search(r'data-test="tab-reminders">上级催办<b>2</b>', operator.text)


async def test_marks_are_a_filter_of_the_search_within_the_scope(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    await stage.do("handler", Action.MEDIATE, ticket.ticket_id, agreed=True, text="达成一致")
    await stage.acknowledged()
    for user, expected in (("leader", numbers(ticket)), ("handler", numbers(ticket)),
                           ("other", [])):  # fmt: skip
        browser = await stage.browser(user)
        await browser.get("/tickets?mark=mediated")
        assert listed(browser, "found") == expected, user
    await browser.get("/tickets?mark=nonsense")
    assert "没有符合条件的工单" in browser.text, "an unknown mark is left out; other sees nothing"


async def test_mediations_are_on_the_workbench_of_operators_and_leaders(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    await stage.do("handler", Action.MEDIATE, ticket.ticket_id, agreed=False, text="未达成")
    for user, expected in (("operator", numbers(ticket)), ("leader", numbers(ticket)),
                           ("handler", []), ("dispatcher", [])):  # fmt: skip
        browser = await stage.browser(user)
        await browser.get("/")
        assert listed(browser, "mediated") == expected, user


async def test_low_satisfaction_has_a_list_and_rates_say_what_they_rest_on(stage: Stage) -> None:
    browser = await stage.browser("operator")
    await browser.get("/replies?tab=dissatisfied")
    assert browser.text.count("本月还没有回访") == 2
    bad = await called(stage, satisfied=False, resolved=True)
    stage.clock.pass_(days=1)
    for _ in range(2):
        await called(stage, satisfied=True, resolved=True)
    browser = await stage.browser("operator")
    await browser.get("/replies?tab=dissatisfied")
    assert listed(browser, "dissatisfied") == numbers(bad)
    assert "不满意 · 已解决" in browser.text
    assert figure(browser, "satisfied") == "66%本月 3 次回访中 2 次满意；今日 2 / 2"
    assert figure(browser, "resolved") == "100%本月 3 次回访中 3 次解决；今日 2 / 2"
    leader = await stage.browser("leader")
    await leader.get("/")
    assert figure(leader, "satisfied") == figure(browser, "satisfied")
    stage.clock.pass_(days=7)  # December
    leader = await stage.browser("leader")
    await leader.get("/")
    assert figure(leader, "satisfied") == "—本月还没有回访"


def figure(browser: Browser, key: str) -> str:
    start = browser.text.index(f'data-figure="{key}"')
    part = browser.text[browser.text.index("<p", start) : browser.text.index("</li>", start)]
    return re.sub(r"<[^>]+>", "", part)


@pytest.mark.parametrize(("part", "whole", "said"), [(0, 0, ""), (199, 200, "99"), (2, 2, "100")])
def test_percent_never_rounds_up(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said
