"""A 12345 order on its whole way: polled, lead and assisting department, reported back."""

import pytest
from playwright.async_api import expect

from hub.demo.peers.hotline12345 import NewOrder
from schemas.ids import ticket_no
from schemas.lifecycle import Action
from schemas.ticket import DispatchForm
from tests.browser.conftest import People
from tests.browser.stage import CITY, Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ORDER = NewOrder(
    title="小区电梯反复停运，物业催修无果",
    content="来电人反映：所住小区3号楼电梯近两周停运四次，老人出行困难。"
    "多次向物业报修未解决，维保单位也没有到场。要求尽快修复并公示检验结果。",
    place="花桥镇绿地大道238弄3号楼",
    citizen={"name": "陆一鸣", "phone": "138" + "00004521"},
    accused={"name": "安居物业服务有限公司"},
)


async def test_order_travels_from_the_city_and_back(stage: Stage, people: People) -> None:
    operator, dispatcher = await people("zuoxi"), await people("paishen")
    await operator.open("/intake?tab=received")
    order_no = stage.city.place(ORDER)
    # the open list shows it without a reload
    row = operator.page.get_by_role("row", name=ORDER.title)
    await expect(row).to_be_visible()
    await operator.look("city-01-received")
    ticket_id = await stage.hub.store.tickets.by_source_no(CITY, order_no)
    assert ticket_id is not None

    await operator.ticket(ticket_id)
    await operator.look("city-02-ticket-to-accept")
    await operator.act(ticket_id, Action.ACCEPT, note="属本市受理范围")

    await dispatcher.open("/dispatch")
    await expect(dispatcher.page.get_by_role("link", name=ORDER.title)).to_be_visible()
    await dispatcher.look("city-03-to-dispatch")
    await dispatcher.dispatch(
        ticket_id, DispatchForm.LEAD, ["zjj", "scjg"], name="city-04-desk-lead-and-assisting"
    )

    lead, assisting = await people("zhujianju"), await people("shijianju")
    for person, step in ((lead, "05-lead"), (assisting, "06-assisting")):
        await person.open("/handling?tab=pending")
        await expect(person.page.get_by_role("link", name=ORDER.title)).to_be_visible()
        await person.look(f"city-{step}-pending")
        await person.act(ticket_id, Action.ACKNOWLEDGE)
    stage.city.remind(order_no, "老人每天爬楼，请抓紧。")
    reminders = assisting.page.get_by_test_id("reminders")
    await expect(reminders).to_contain_text("老人每天爬楼")
    await lead.act(ticket_id, Action.ANSWER_REMINDER, text="配件已订，明日到场更换。")
    await assisting.act(ticket_id, Action.GIVE_FEEDBACK, text="已调取维保单位资质和检验记录。")
    await assisting.look("city-07-feedback-given")
    await assisting.act(ticket_id, Action.COMPLETE, result="维保单位资质有效，检验合格。")
    await lead.form(ticket_id, Action.COMPLETE)
    await lead.look("city-08-form-to-complete")
    await lead.act(ticket_id, Action.COMPLETE, result="物业已更换曳引机，电梯恢复运行。")

    reviewer = await people("shenhe")
    await reviewer.open("/reviews?tab=closure_review")
    await expect(reviewer.page.get_by_role("link", name=ORDER.title)).to_be_visible()
    await reviewer.look("city-09-closures-to-review")
    await reviewer.act(ticket_id, Action.PASS_CLOSURE, note="已逐项答复")

    await operator.act(ticket_id, Action.REPLY, text="电梯已修复，检验结果已在大堂公示。")
    await operator.look("city-10-replied")
    await operator.act(
        ticket_id, Action.FOLLOW_UP, satisfied="true", resolved="true", note="电话回访，表示感谢"
    )
    await operator.look("city-11-closed")

    # the city's own book: every state, in order, once
    await stage.city_book.until_state(order_no, "40")
    assert stage.city_book.states(order_no) == ["10", "11", "20", "21", "30", "31", "32", "40"]
    assert (stage.city_book.doubled, stage.city_book.out_of_order) == (0, 0)
    leader = await people("lingdao")
    await leader.ticket(ticket_id)
    await expect(leader.page.get_by_test_id("ticket-no")).to_have_text(ticket_no(ticket_id))
    told = len(stage.city_book.applied[order_no])
    await expect(leader.page.get_by_test_id("deliveries")).to_contain_text(f"已送达 {told} 条")
    await leader.look("city-12-leader-sees-deliveries")


async def test_order_that_the_city_pushes_is_there_at_once(stage: Stage, people: People) -> None:
    operator = await people("zuoxi")
    await operator.open("/intake?tab=received")
    title = "公园夜间照明损坏"
    stage.city.place(NewOrder(title=title, content="公园步道路灯熄灭一周。"), pushed=True)
    await stage.city.push_waiting(stage.url, CITY)
    await expect(operator.page.get_by_role("link", name=title)).to_be_visible()
    assert len(stage.city.pushes) == 0
    assert stage.city.pushes.turned_away == 0
