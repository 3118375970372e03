"""Who did something is said by name: people, programs, platforms; never by what they are to us."""

import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from console.names import names_of, peer_name
from console.rendering import fresh_command_id
from console.ticket_view import who
from schemas.commands import AcceptTicket
from schemas.lifecycle import Action
from schemas.parties import Actor, Role
from schemas.ticket import Source
from tests.console.stage import Browser, Stage

CITY = {"city": Source.HOTLINE12345}
TWO = CITY | {"old": Source.HOTLINE12345, "province": Source.PROVINCIAL}


def said(browser: Browser) -> list[str]:
    """Title and who of each line of the trace."""
    lines = re.findall(r"<b>([^<]*)</b> <span class=\"st-sub\">([^<]*)</span>", browser.text)
    return [" ".join(line) for line in lines]


@pytest.mark.parametrize(
    ("peers", "name", "shown"),
    [
        (CITY, "city", "12345 热线"),
        (TWO, "city", "12345 热线 · city"),
        (TWO, "province", "省平台"),
        (CITY, "gone", "对接平台 gone"),
    ],
)
def test_platforms_by_kind_and_apart(peers: Mapping[str, Source], name: str, shown: str) -> None:
    assert peer_name(peers, name) == shown


@pytest.mark.parametrize(
    ("role", "shown"),
    [(Role.SYSTEM, "系统"), (Role.MACHINE, "智能派单"), (Role.CITIZEN, "诉求人"),
     (Role.PEER, "对接平台")],
)  # fmt: skip
def test_who_has_no_name_is_said_by_what_he_is(role: Role, shown: str) -> None:
    assert who(Actor(actor_id="a:b", roles=frozenset({role})), {}) == shown


async def test_names_of_all_kinds(stage: Stage) -> None:
    _, token = await stage.store.people.tokens.create(
        "secadmin", "月报程序", frozenset({Role.LEADER})
    )
    program = f"token:{token.token_id}"
    asked = {"operator", program, "token:0", "token:x", "peer:city", "peer:gone", "system:clocks"}
    assert await names_of(replace(stage.deps, peers=CITY), asked) == {
        "operator": "operator 某",
        program: "月报程序",
        "peer:city": "12345 热线",
    }


async def test_trace_and_audit_say_the_label_of_a_token(stage: Stage) -> None:
    ticket = await stage.registered()
    _, token = await stage.store.people.tokens.create(
        "secadmin", "热线座席程序", frozenset({Role.OPERATOR})
    )
    await stage.store.desk.execute(
        AcceptTicket(
            command_id=fresh_command_id(stage.clock()),  # type: ignore[arg-type]  # read as a UUID
            ticket_id=ticket.ticket_id,
            actor=token.actor,
            at=stage.clock(),
        )
    )
    leader, auditor = await stage.browser("leader"), await stage.browser("auditor")
    await leader.get(f"/tickets/{ticket.ticket_id}")
    assert said(leader) == ["受理 热线座席程序", "登记 operator 某"]
    assert "token:" not in leader.text
    await auditor.get("/audit")
    assert "接口令牌 热线座席程序" in auditor.text
    assert f"token:{token.token_id}" in auditor.text, "the audit tells programs of one name apart"


async def test_a_department_is_said_once_a_line(stage: Stage) -> None:
    ticket = await stage.acknowledged()
    await stage.do("handler", Action.COMPLETE, ticket.ticket_id, result="已退款")
    await stage.do("leader", Action.REMIND, ticket.ticket_id, text="请尽快")
    await stage.do(
        "handler", Action.ANSWER_REMINDER, ticket.ticket_id, text="已办",
        reminder_no=(await stage.head(ticket.ticket_id)).reminders[0].reminder_no,
    )  # fmt: skip
    browser = await stage.browser("leader")
    await browser.get(f"/tickets/{ticket.ticket_id}/trace", htmx=True)
    assert said(browser)[:4] == [
        "答复催办 handler 某（市场监督管理局）",
        "人工催办 leader 某",
        "市场监督管理局 办结 handler 某",
        "市场监督管理局 签收 handler 某",
    ]
