"""The page's view of what the agent did by itself, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ViewportSize, expect

from adapters.web.inbound import parse_message
from adapters.web.sessions import COOKIE, Visitor, new_token, visitor_of
from tests.fakes.browser import needs_browser, opened_browser
from tests.platforms.web_hub import Served, WebHub, WebServer

PHONE = ViewportSize(width=390, height=780)
ADA, BOB = new_token(), new_token()
LONG = "x" * 60

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), needs_browser]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncGenerator[Browser]:
    """Start one browser for all tests of this file."""
    async with opened_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def door() -> AsyncGenerator[Served]:
    """Serve a web door."""
    async with WebServer().running() as server, server.serving(WebHub()) as door:
        yield door


async def _wakes(hub: WebHub, schedule: str, token: str = ADA, *, why: str = "") -> None:
    visitor = visitor_of(token)
    assert isinstance(visitor, Visitor)
    key, now = f"{len(hub.accepted)}", hub.clock.now()
    message = parse_message("look", visitor=visitor, role="postern", key=schedule + key, now=now)
    await hub.wake(schedule, message, why)


async def test_what_the_agent_did_by_itself_is_read_with_the_keyboard_on_a_phone(
    browser: Browser, door: Served
) -> None:
    await _wakes(door.hub, "bobs-secret", BOB)
    await door.hub.answer_next("for bob")
    await _wakes(door.hub, "first")
    await door.hub.answer_next("Good morning.")
    for number in range(22):
        await _wakes(door.hub, f"early-{number}-{LONG}", why="outside_hours")
    await _wakes(door.hub, "papers")
    await door.hub.answer_next("<b>Two</b> new papers.")
    async with await browser.new_context(viewport=PHONE) as context:
        await context.add_cookies([{"name": COOKIE, "value": ADA, "url": door.url}])
        page = await context.new_page()
        await page.goto(door.url)
        opener = page.get_by_role("button", name="Activity")
        lines = page.get_by_role("dialog", name="Activity").get_by_role("listitem")

        await opener.press("Enter")
        await expect(lines).to_have_count(20)
        await expect(lines.first).to_contain_text("papers")
        await expect(lines.first.locator("p")).to_have_text("<b>Two</b> new papers.")
        await expect(lines.nth(1)).to_contain_text(f"early-21-{LONG}missed: outside hours")
        await page.get_by_role("button", name="Show older").press("Enter")
        await expect(lines).to_have_count(24)
        await expect(lines.nth(20)).to_be_focused()
        await expect(page.get_by_role("button", name="Show older")).to_be_hidden()
        dialog = page.get_by_role("dialog")
        assert await dialog.evaluate("each => each.scrollWidth <= each.clientWidth")
        assert "bob" not in await page.content()

        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(opener).to_be_focused()


async def test_an_agent_that_never_came_back_and_a_door_that_is_shut_are_told(
    browser: Browser, door: Served
) -> None:
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(door.url)
        opener = page.get_by_role("button", name="Activity")
        status = page.get_by_role("dialog").get_by_role("status")
        await expect(page.locator("#link")).to_have_attribute("data-state", "connected")

        await opener.click()
        await expect(status).to_have_text("This agent has not come back by itself yet.")
        await page.get_by_role("button", name="Close").click()
        await context.set_offline(offline=True)
        await opener.click()
        await expect(status).to_have_text("This can't be read just now.")
        await context.set_offline(offline=False)
        await page.get_by_role("button", name="Try again").click()
        await expect(status).to_have_text("This agent has not come back by itself yet.")
