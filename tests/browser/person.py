"""Somebody at a browser: signed in as one demo user, and watched for errors of the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from hub.demo.cast import DemoUser
from schemas.lifecycle import Action
from schemas.ticket import DispatchForm
from tests.browser.looking import look


@dataclass
class Person:
    """complaints: what the browser said of our pages: CSP violations, errors of scripts."""

    user: DemoUser
    url: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        def console(message: ConsoleMessage) -> None:
            # a refusal (409, 422) is an answer of ours; the browser notes it as an error
            refused = "the server responded with a status of 4" in message.text
            if message.type in ("error", "warning") and not refused:
                self.complaints.append(f"{page.url}: {message.text}")

        page.on("console", console)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.url}/sign-in")
        await self.page.get_by_label("用户名").fill(self.user.user_name)
        await self.page.get_by_label("密码").fill(self.user.password)
        await self.page.get_by_test_id("sign-in").click()
        await expect(self.page.get_by_role("heading", name="工作台")).to_be_visible()

    async def open(self, path: str) -> Page:
        answer = await self.page.goto(self.url + path)
        assert answer is not None
        assert answer.ok, f"{self.user.user_name} {path}: HTTP {answer.status}"
        return self.page

    async def second_page(self, path: str) -> Page:
        """Another tab of the same browser; the caller closes it."""
        page = await self.context.new_page()
        self.watch(page)
        await page.goto(self.url + path)
        return page

    async def ticket(self, ticket_id: int) -> Page:
        return await self.open(f"/tickets/{ticket_id}")

    async def form(self, ticket_id: int, action: Action) -> Locator:
        """The form of an action, opened by its button on the ticket's page unless it is open."""
        form = self.page.get_by_test_id(f"form-{action}")
        here = self.page.url.startswith(f"{self.url}/tickets/{ticket_id}")
        if here and await form.is_visible():
            return form
        await self.ticket(ticket_id)
        if not await form.is_visible():
            await self.page.get_by_test_id(f"offer-{action}").first.click()
        await expect(form).to_be_visible()
        return form

    async def act(self, ticket_id: int, action: Action, **fields: str) -> None:
        """Do it by the form; ticks and choices are named by their value."""
        form = await self.form(ticket_id, action)
        for name, value in fields.items():
            box = form.locator(f"[name={name}]")
            if await box.first.get_attribute("type") == "radio":
                await form.locator(f"[name={name}][value={value}]").check()
            else:
                await box.fill(value)
        await self.send(form, action)

    async def send(self, form: Locator, action: Action) -> None:
        # the page that is left may still say that something earlier was done
        async with self.page.expect_navigation():
            await form.get_by_test_id(f"submit-{action}").click()
        await expect(self.page.get_by_test_id("done")).to_be_visible()

    async def look(self, name: str) -> None:
        await look(self.page, name)

    async def dispatch(
        self, ticket_id: int, form: DispatchForm, departments: Sequence[str], *, name: str = ""
    ) -> None:
        """On the dispatch desk; lead first. name: of the pictures, taken before it is sent."""
        page = await self.open(f"/dispatch/{ticket_id}")
        desk = page.get_by_test_id("form-dispatch")
        await desk.locator(f"label[for=m-{form}]").click()
        for place, department in enumerate(departments):
            line = desk.locator(f".st-cand[data-department={department}]").first
            if not await line.count():
                await desk.get_by_label("查找其他部门").fill(department)
                await desk.get_by_test_id(f"add-{department}").click()
                await expect(line).to_be_visible()
            beside = form is DispatchForm.PARALLEL or place > 0
            await line.locator("[name=assist]" if beside else "[name=lead]").check()
        await desk.get_by_label("派审意见").fill("请依法核实处理，并告知诉求人。")
        if name:
            await self.look(name)
        await self.send(desk, Action.DISPATCH)
