"""Phone numbers are masked wherever they stand; a look at one is shown to few, and audited."""

import pytest
from playwright.async_api import expect

from schemas.parties import mask_phone
from schemas.ticket import DispatchForm
from tests.browser.conftest import People
from tests.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE = "138" + "00009263"


async def test_phone_is_masked_until_somebody_who_calls_asks(stage: Stage, people: People) -> None:
    dispatcher, operator = await people("paishen"), await people("zuoxi")
    ticket_id = await stage.register("健身房闭店不退费", phone=PHONE)
    await dispatcher.dispatch(ticket_id, DispatchForm.SINGLE, ["scjg"])
    here = f"/tickets/{ticket_id}"
    for user in ("zuoxi", "paishen", "shijianju", "shenhe", "lingdao"):
        person = await people(user)
        for path in (here, "/", f"/tickets?text={PHONE}", "/tickets?text=健身房"):
            answer = await person.context.request.get(stage.url + path)
            assert answer.ok
            typed = f'value="{PHONE}"'  # the search box says what was searched for
            assert PHONE not in (await answer.text()).replace(typed, ""), f"{user} {path}"

    # the dispatcher does not call: no button, and a refusal for who asks all the same
    page = await dispatcher.open(here)
    await expect(page.get_by_test_id("phone")).to_have_text(mask_phone(PHONE))
    csrf = await page.locator("[name=csrf]").first.input_value()
    answer = await dispatcher.context.request.post(
        f"{stage.url}{here}/unmask", headers={"X-CSRF-Token": csrf}
    )
    assert answer.status == 403
    assert PHONE not in await answer.text()

    before = (await stage.hub.store.audit.verify()).rows
    page = await operator.open(here)
    await page.get_by_role("button", name="查看").click()
    await expect(page.get_by_test_id("phone-full")).to_have_text(PHONE)
    await expect(page.get_by_test_id("phone")).to_contain_text("已记入审计")
    await operator.look("personal-data-shown")
    report = await stage.hub.store.audit.verify()
    assert (report.ok, report.rows) == (True, before + 1)


async def test_department_may_not_see_who_asked_to_be_kept_secret(
    stage: Stage, people: People
) -> None:
    dispatcher, handler = await people("paishen"), await people("shijianju")
    ticket_id = await stage.register("举报商户无证经营", phone=PHONE, confidential=True)
    await dispatcher.dispatch(ticket_id, DispatchForm.SINGLE, ["scjg"])
    page = await handler.ticket(ticket_id)
    await expect(page.get_by_test_id("phone")).to_have_text(mask_phone(PHONE))
    await expect(page.get_by_role("button", name="查看")).to_have_count(0)
    await expect(page.get_by_text("要求保密")).to_be_visible()
