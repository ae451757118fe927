"""kill -9 in the middle of an answer, as somebody with the page open sees it."""

from __future__ import annotations

import asyncio
import signal

import pytest
from playwright.async_api import Error, Locator, Page, expect

from tests.crash.home import Home
from tests.fakes.browser import needs_browser, opened_browser
from tests.fakes.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.crash,
    pytest.mark.browser,
    needs_browser,
]


async def test_the_answer_comes_once_and_whole_and_the_agent_still_knows_the_name(
    home: Home,
) -> None:
    async with opened_browser() as browser:
        page = await browser.new_page()
        async with home.gateway(die_at="after TextDelta of runtime.run") as dying:
            await _open(page, home)
            await _write(page, "My name is Ada.")
            status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
        async with home.gateway():
            await expect(_lines(page)).to_have_count(2)
            await expect(_lines(page).nth(1)).to_contain_text("Name: Ada.")
            live = await _lines(page).all_inner_texts()
            await page.reload()
            await expect(_lines(page)).to_have_count(2)
            reloaded = await _lines(page).all_inner_texts()
            await _write(page, "What is my name?")
            await expect(_lines(page).nth(3)).to_contain_text("Your name is Ada")

    assert status == -signal.SIGKILL
    assert reloaded == live


async def _open(page: Page, home: Home) -> None:
    """Open the page as soon as something answers there."""
    while True:
        try:
            await page.goto(home.url)
        except Error as error:
            if "ERR_CONNECTION_REFUSED" not in error.message:
                raise
            await asyncio.sleep(0.1)
            continue
        return


async def _write(page: Page, text: str) -> None:
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


def _lines(page: Page) -> Locator:
    return page.locator("#thread > li")
