"""Administrators' pages: accounts, messages of the peers, deliveries, the audit chain."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from schemas.outbound import DeliveryState
from schemas.parties import Role
from schemas.ticket import Source
from tests.console.stage import CAST, PASSWORD, Stage
from ticket_store.inbound import MessageOutcome
from ticket_store.people_values import NewUser

NEW = {
    "user_name": "neu",
    "display_name": "新人",
    "password": "Birke-Wolke-33",
    "roles": "operator",
}


@dataclass(frozen=True)
class Body:
    content: bytes
    peer_message_no: str
    content_type: str = "application/json"


async def test_security_administrator_makes_an_account(stage: Stage) -> None:
    browser = await stage.browser("secadmin")
    await browser.get("/users")
    assert (await browser.post("/users", NEW)).headers["Location"] == "/users?saved=neu"
    user = await stage.store.people.user("neu")
    assert user
    assert (user.roles, user.must_change_password) == (frozenset({Role.OPERATOR}), True)


async def test_wrong_accounts_are_said_beside_the_field(stage: Stage) -> None:
    browser = await stage.browser("secadmin")
    for change, words in (
        ({"user_name": "operator"}, "已有这个用户名"),
        ({"user_name": "No Good"}, "用户名格式不对"),
        ({"display_name": ""}, "请填写姓名"),
        ({"password": "short"}, "密码至少 10 位"),
        ({"password": "allesinkleinbuchstaben"}, "密码须含大写"),
        ({"roles": "handler"}, "须选择所属部门"),
        ({"roles": "nonsense"}, "请选择岗位"),
    ):
        await browser.get("/users")
        answer = await browser.post("/users", NEW | change)
        assert (answer.status, words in browser.text) == (422, True), words
        assert "Birke-Wolke-33" not in browser.text
    await browser.get("/users")
    form = [*browser.hidden("/users"), *NEW.items(), ("roles", "audit_admin")]
    assert (await browser.post("/users", form, hidden=False)).status == 422
    assert "只能单独担任" in browser.text


async def test_locked_account_is_unlocked_reset_and_switched_off(stage: Stage) -> None:
    stranger = await stage.browser()
    for _ in range(stage.store.people.policy.failures_allowed):
        await stranger.sign_in("operator", "wrong")
    browser = await stage.browser("secadmin")
    await browser.get("/users")
    assert "锁定至" in browser.text
    assert (await browser.post("/users/operator/unlock")).status == 303
    assert (await stranger.sign_in("operator", PASSWORD)).status == 303
    await browser.get("/users")
    await browser.post("/users/operator/reset", {"password": "Zwischen-Zeit-1"})
    assert (await stranger.get("/")).headers["Location"] == "/sign-in", "old sessions have ended"
    await browser.get("/users")
    await browser.post("/users/operator/roles", {"roles": "reviewer"})
    user = await stage.store.people.user("operator")
    assert user
    assert user.roles == {Role.REVIEWER}
    await browser.get("/users")
    await browser.post("/users/operator/deactivate")
    assert (await stranger.sign_in("operator", "Zwischen-Zeit-1")).status == 403
    await browser.get("/users")
    assert (await browser.post("/users/nobody/unlock")).status == 422
    await browser.get("/users")
    assert (await browser.post("/users/operator/explode")).status == 404


async def test_dead_letter_is_read_with_an_audit_row_and_replayed(stage: Stage) -> None:
    bodies = [Body('{"标题": "路灯"}'.encode(), "M-1"), Body("乱码".encode("gb18030"), "M-2")]
    kept = await stage.store.inbound.keep("city", Source.HOTLINE12345, bodies, stage.clock())
    for one in kept:
        await stage.store.inbound.settle(one.message_id, MessageOutcome.DEAD, detail="没有 orderNo")
    browser = await stage.browser("sysadmin")
    await browser.get("/messages?outcome=dead")
    assert "没有 orderNo" in browser.text
    assert "死信<b>2</b>" in browser.text
    path = f"/messages/{kept[1].message_id}"
    await browser.get(path)
    assert "乱码" not in browser.text
    rows = (await stage.store.audit.verify()).rows
    await browser.post(f"{path}/content", htmx=True)
    assert "乱码" in browser.text, "GBK is read too"
    assert (await stage.store.audit.verify()).rows == rows + 1
    await browser.get(path)
    assert (await browser.post(f"{path}/replay")).status == 303
    assert (await stage.store.inbound.read(kept[1].message_id)).outcome is None
    await browser.get("/messages?outcome=waiting")
    assert "M-2" in browser.text
    assert (await browser.get("/messages/999999")).status == 404


async def test_replay_of_what_waits_already_is_refused(stage: Stage) -> None:
    (kept,) = await stage.store.inbound.keep(
        "city", Source.HOTLINE12345, [Body(b"\xff\xfe\x00", "M-3")], stage.clock()
    )
    browser = await stage.browser("leader")
    path = f"/messages/{kept.message_id}"
    await browser.get(path)
    answer = await browser.post(f"{path}/replay", htmx=True)
    assert answer.status == 409
    assert "已有人办理" in browser.text
    await browser.get(path)
    await browser.post(f"{path}/content", htmx=True)
    assert "st-raw" in browser.text, "neither UTF-8 nor GBK, shown as it can be"
    await browser.get("/messages/deliveries")
    token = dict(browser.hidden("/messages"))
    assert (await browser.post("/messages/deliveries/replay", token, hidden=False)).status == 400


async def test_messages_are_paged_with_their_filter(stage: Stage) -> None:
    bodies = [Body(b"{}", f"M-{number:03}") for number in range(55)]
    await stage.store.inbound.keep("city", Source.HOTLINE12345, bodies, stage.clock())
    browser = await stage.browser("leader")
    await browser.get("/messages?outcome=waiting&peer=city")
    more = re.search(r'href="([^"]+)" data-test="next-page"', browser.text)
    assert more
    await browser.get(more[1].replace("&amp;", "&"))
    assert re.findall(r">(M-\d+)</a>", browser.text) == [f"M-{n:03}" for n in range(4, -1, -1)]


async def test_dead_delivery_is_sent_again_by_choice(stage: Stage) -> None:
    ticket = await stage.registered(source=Source.HOTLINE12345, peer="city")
    book = stage.store.deliveries
    (owed,) = await book.take("city", stage.clock(), "test", 60, 1, 24)
    await book.settle(owed, DeliveryState.DEAD, detail="对方系统停机")
    browser = await stage.browser("sysadmin")
    await browser.get("/messages/deliveries")
    assert "对方系统停机" in browser.text
    answer = await browser.post("/messages/deliveries/replay")
    assert answer.status == 303
    (status,) = await book.of_ticket(ticket.ticket_id)
    assert status.state is DeliveryState.PENDING
    await browser.get("/messages/deliveries")
    assert "没有推送失败的推送" in browser.text


async def test_held_destination_is_released(stage: Stage) -> None:
    await stage.registered(source=Source.HOTLINE12345, peer="city")
    book = stage.store.deliveries
    (owed,) = await book.take("city", stage.clock(), "test", 60, 1, 24)
    await book.settle(owed, DeliveryState.HELD, detail="401")
    browser = await stage.browser("leader")
    await browser.get("/messages/deliveries?state=held")
    assert 'data-test="release-city"' in browser.text
    await browser.post("/messages/deliveries/release")
    assert await book.holds() == []


async def test_audit_administrator_checks_the_chain(stage: Stage) -> None:
    await stage.acknowledged()
    browser = await stage.browser("auditor")
    await browser.get("/audit")
    await browser.post("/audit")
    assert 'data-test="audit-ok"' in browser.text


async def test_accounts_are_paged_and_found_by_a_part_of_the_name(stage: Stage) -> None:
    people = stage.store.people
    for number in range(60):
        role = frozenset({Role.OPERATOR})
        new = NewUser(user_name=f"u{number:02}", display_name=f"座席{number:02}", roles=role)
        await people.create("test", new, PASSWORD)
    browser = await stage.browser("secadmin")
    seen: list[str] = []
    path: str | None = "/users"
    while path is not None:
        await browser.get(path)
        seen += re.findall(r'data-user="([^"]+)"', browser.text)
        more = re.search(r'href="([^"]+)" data-test="next-page"', browser.text)
        path = more[1].replace("&amp;", "&") if more else None
    assert seen == [user.user_name for user in await people.users()]
    assert len(seen) == 69
    assert "共 69 个" in browser.text
    for words, found in (("座席07", ["u07"]), ("U07", ["u07"]), ("0%", []), ("某", sorted(CAST))):
        await browser.get(f"/users?words={quote(words)}")
        assert re.findall(r'data-user="([^"]+)"', browser.text) == found, words
    assert (await browser.post("/users/u59/roles", {"roles": "handler"})).status == 422
    assert 'data-user="u59"' in browser.text, "what went wrong is shown beside the account"
