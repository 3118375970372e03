"""Addresses and forms that no page of ours makes: answered in words, never by a failure."""

import pytest

from tests.console.stage import PHONE, Stage

DIGITS = "9" * 5000  # more than int() takes


@pytest.mark.parametrize(
    ("user", "address"),
    [
        ("handler", "/tickets/{}/actions/acknowledge?subject=" + DIGITS),
        ("dispatcher", "/dispatch/{}/due?handle_working_days=" + DIGITS),
        ("handler", "/tickets?until=9999-12-31"),
        ("handler", "/tickets?from=0001-01-01"),
        ("leader", "/messages?before=" + DIGITS),
    ],
)
async def test_a_number_or_day_beyond_all_bounds_was_a_failure(
    stage: Stage, user: str, address: str
) -> None:
    ticket = await stage.dispatched()
    browser = await stage.browser(user)
    answer = await browser.get(address.format(ticket.ticket_id))
    assert answer.status == 200


async def test_a_form_with_endless_digits_was_a_failure(stage: Stage) -> None:
    waiting, sent = await stage.registered(), await stage.dispatched()
    operator, handler = await stage.browser("operator"), await stage.browser("handler")
    path = f"/tickets/{waiting.ticket_id}/amend"
    await operator.get(path)
    fields = {
        "title": "另一个标题",
        "text": "内容",
        "kind": "help",
        "reason": "更正",
        "expected_version": DIGITS,
    }
    assert (await operator.post(path, fields)).status == 303
    path = f"/tickets/{sent.ticket_id}/actions/acknowledge"
    await handler.get(path)
    assert (await handler.post(path, {"subject": DIGITS})).status == 303


async def test_the_form_of_an_amendment_showed_the_citizen_to_dispatchers(stage: Stage) -> None:
    ticket = await stage.registered()
    path = f"/tickets/{ticket.ticket_id}/amend"
    browser = await stage.browser("dispatcher")
    assert (await browser.get(path)).status == 200
    assert PHONE not in browser.text
    assert "张三" not in browser.text
    fields = {
        "title": "改过的标题",
        "text": "内容",
        "kind": "help",
        "reason": "更正",
        "citizen_name": "别人",
    }
    assert (await browser.post(path, fields)).status == 303
    kept = await stage.store.tickets.registration(ticket.ticket_id)
    assert kept
    assert kept.citizen
    assert (kept.matter.title, kept.citizen.name, kept.citizen.phone) == (
        "改过的标题", "张三", PHONE,
    )  # fmt: skip


async def test_who_saw_the_citizen_in_the_form_of_an_amendment_was_not_audited(
    stage: Stage,
) -> None:
    ticket = await stage.registered()
    browser = await stage.browser("operator")
    rows = (await stage.store.audit.verify()).rows
    await browser.get(f"/tickets/{ticket.ticket_id}/amend")
    assert PHONE in browser.text
    report = await stage.store.audit.verify()
    assert (report.ok, report.rows) == (True, rows + 1)
