"""Pages of a ticket whose messages and deliveries are in an archive: whole, and they say so."""

from pathlib import Path

from schemas.lifecycle import Action
from schemas.outbound import DeliveryState, Receipt
from schemas.ticket import Source
from tests.console.stage import Stage
from tests.console.test_administration import Body
from ticket_store.archive import Archive
from ticket_store.inbound import MessageOutcome
from ticket_store.months import Month


async def test_an_archived_ticket_is_shown_without_what_left(stage: Stage, tmp_path: Path) -> None:
    store = stage.store
    (kept,) = await store.inbound.keep(
        "city", Source.HOTLINE12345, [Body('{"标题": "路灯"}'.encode(), "M-1")], stage.clock()
    )
    ticket = await stage.registered(source=Source.HOTLINE12345, peer="city", source_ticket_no="N-1")
    await store.inbound.settle(kept.message_id, MessageOutcome.REGISTERED, ticket.ticket_id)
    await stage.do("operator", Action.WITHDRAW, ticket.ticket_id, reason="已自行解决")
    while owed := await store.deliveries.take("city", stage.clock(), "w", 90, 50, 10):
        for one in owed:
            await store.deliveries.settle(one, DeliveryState.DELIVERED, receipt=Receipt())
    browser = await stage.browser("leader")
    page, message = f"/tickets/{ticket.ticket_id}", f"/messages/{kept.message_id}"
    archived = 'data-test="archived"'
    for path in (page, message):
        await browser.get(path)
        assert archived not in browser.text
    following = Month.of(stage.clock()).plus(1)  # which months are old is the command's to say
    done = await Archive(store, tmp_path / "archive", "cli").run(following)
    assert (done.tickets, done.removed["inbound"]) == (1, 1)
    assert done.removed["deliveries"] > 0
    for path in (page, message):
        assert (await browser.get(path)).status == 200
        assert archived in browser.text, path
    assert "重新处理</button>" not in browser.text
    await browser.get(page)
    for act in ("content", "replay"):
        assert (await browser.post(f"{message}/{act}")).status == 409
    assert (await store.inbound.read(kept.message_id)).outcome is MessageOutcome.REGISTERED
    auditor = await stage.browser("auditor")
    await auditor.get("/audit")
    assert "导出归档月份" in auditor.text
    assert f"{Month.of_ticket(ticket.ticket_id)} 月工单" in auditor.text
