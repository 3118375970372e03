"""审计: acts in words, their filters and pages, for the audit administrator alone."""

import re
import sqlite3
from contextlib import closing

import pytest

from console import say_audit
from console.names import Names
from schemas.errors import CommandRefused
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from tests.console.stage import Browser, Stage
from ticket_store.audit import AuditRow
from ticket_store.audit_check import AuditReport


def acts(browser: Browser) -> list[str]:
    """Act, facts, who and what of each row, as one reads them."""
    rows = re.findall(r'<tr data-row="\d+">(.*?)</tr>', browser.text)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row)).strip() for row in rows]


async def test_acts_are_read_in_words_newest_first(stage: Stage) -> None:
    ticket = await stage.registered()
    with pytest.raises(CommandRefused):
        await stage.do("handler", Action.ACKNOWLEDGE, ticket.ticket_id)
    await stage.store.audit.append(
        "operator", "unmask", f"ticket:{ticket.ticket_id}", {"fields": "citizen.name citizen.phone"}
    )
    browser = await stage.browser("auditor")
    await browser.get("/audit")
    signed_in, looked, refused, registered, *_ = acts(browser)
    number = ticket_no(ticket.ticket_id)
    assert "登录" in signed_in
    assert signed_in.endswith("auditor 某 auditor 用户 auditor 某"), "name and account, then what"
    assert "查看诉求人信息 姓名、电话 2026-11-24 10:00:00" in looked
    assert looked.endswith(f"工单 {number}")
    assert "签收 未办成：工单状态不允许" in refused
    assert "登记 第 1 条记录" in registered
    assert registered.endswith(f"工单 {number}")


async def test_acts_are_filtered_by_who_and_by_ticket(stage: Stage) -> None:
    one, two = await stage.registered(), await stage.registered()
    await stage.do("dispatcher", Action.REMIND, one.ticket_id, reminder="manual", text="请办理")
    browser = await stage.browser("auditor")
    await browser.get(f"/audit?ticket={ticket_no(one.ticket_id).lower()}")
    assert [act.split()[1] for act in acts(browser)] == ["催办", "登记"]
    await browser.get(f"/audit?ticket={ticket_no(one.ticket_id)}&actor=dispatcher")
    assert [act.split()[1] for act in acts(browser)] == ["催办"]
    await browser.get("/audit?actor=operator")
    assert len(acts(browser)) == 2
    assert ticket_no(two.ticket_id) in browser.text
    await browser.get("/audit?actor=nobody")
    assert "没有符合条件的记录" in browser.text
    await browser.get("/audit?ticket=ST1")
    assert "单号不完整或有误" in browser.text
    assert acts(browser) == []


async def test_acts_are_paged_with_their_filter(stage: Stage) -> None:
    for number in range(120):
        await stage.store.audit.append("operator" if number % 2 else "leader", "export", "x", {})
    browser, seen = await stage.browser("auditor"), 0
    path: str | None = "/audit?actor=operator"
    while path is not None:
        assert (await browser.get(path)).status == 200
        seen += len(acts(browser))
        more = re.search(r'href="([^"]+)" data-test="next-page"', browser.text)
        path = more[1].replace("&amp;", "&") if more else None
    assert seen == 60


async def test_nobody_else_reads_the_audit(stage: Stage) -> None:
    for user in ("leader", "sysadmin", "secadmin", "operator"):
        browser = await stage.browser(user)
        assert (await browser.get("/audit")).status == 403


async def test_a_break_in_the_chain_is_said_in_chinese(stage: Stage) -> None:
    await stage.registered()
    file = stage.store.database._writer.url.database  # type: ignore[attr-defined]  # of SQLite
    with closing(sqlite3.connect(file)) as store:
        store.execute("UPDATE audit SET actor_id = 'x' WHERE row_no = 1")
        store.commit()
    browser = await stage.browser("auditor")
    await browser.get("/audit")
    await browser.post("/audit")
    assert "从第 1 条起不符（记录被改动）" in browser.text
    assert "校验审计链 不符" in acts(browser)[0]


@pytest.mark.parametrize(
    ("action", "subject", "facts", "said"),
    [
        ("register", "245278310400000", {"cause": "17", "events": [245278310400000 << 10 | 3, 2]},
         "因来件 17；第 3 至 4 条记录"),
        ("user_created", "lin", {"roles": "handler", "department": "d1"}, "岗位 承办部门；部门 d1"),
        ("replay_message", "message:4", {"outcome": "dead"}, "原结果 死信"),
        ("accept", "245278310400000", {"refused": "review_open"}, "未办成：同类申请正在审核中"),
        ("accept", "245278310400000", {"refused": "new_code"}, "未办成：new_code"),
        ("attachment_kept", "a1", {"sha256": "ab"}, ""),
        ("later_act", "x", {"events": "changed", "odd": 1}, "events：changed；odd：1"),
    ],
)  # fmt: skip
def test_facts_in_words(action: str, subject: str, facts: dict[str, object], said: str) -> None:
    row = AuditRow(1, None, "x", action, subject, facts)  # type: ignore[arg-type]  # when is no matter
    assert say_audit.facts(row, Names(lambda code: f"部门 {code}")) == said


def test_who_and_what_in_words() -> None:
    names = {"lin": "林梅"}
    whos = {
        "lin": "林梅", "peer:city": "对接平台 city", "token:3": "接口令牌 3",
        "system:clocks": "系统 · 时限", "machine:routing": "智能派单", "left": "left",
    }  # fmt: skip
    assert {actor: say_audit.who(actor, names) for actor in whos} == whos
    assert say_audit.fault(AuditReport(True, 3)) == ""
    assert say_audit.fault(AuditReport(False, 3, 4, "9 events, 8 of them audited"))
    wrong = AuditReport(False, 3, 2, "ticket 245278310400000: state is not what its events say")
    assert ticket_no(245278310400000) in say_audit.fault(wrong)
