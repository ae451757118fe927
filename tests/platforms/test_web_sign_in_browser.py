"""Signing in with a real browser, with the provider on another site."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from adapters.web.sign_in import user_of
from adapters.web.sign_in_routes import CALLBACK
from tests.fakes.browser import needs_browser, opened_browser
from tests.fakes.oidc_provider import provider
from tests.platforms.test_web_sign_in import Guarded, sign_in_with
from tests.platforms.web_hub import WebHub, WebServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), needs_browser]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncGenerator[Browser]:
    """Start one browser for all tests of this file."""
    async with opened_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(server: WebServer) -> AsyncGenerator[Guarded]:
    """Serve a web door with a provider, which is another site to a browser."""
    async with (
        provider(f"http://127.0.0.1:{server.port}{CALLBACK}") as found,
        server.serving(WebHub(sign_in=sign_in_with(found))) as door,
    ):
        yield Guarded(door, found)


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser) -> AsyncGenerator[Page]:
    """Open a page for somebody who was never here; what it complains of fails the test."""
    complaints: list[str] = []
    context = await chromium.new_context(viewport={"width": 1_000, "height": 700})
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    await context.close()
    assert complaints == []


async def _signs_in(page: Page, guarded: Guarded, name: str, subject: str) -> None:
    guarded.provider.name, guarded.provider.subject = name, subject
    await page.goto(guarded.door.url)
    await page.get_by_role("link", name="Sign in").click()
    await page.get_by_role("link", name=f"Continue as {name}").click()
    await expect(page.locator("#link")).to_have_attribute("data-state", "connected")


async def test_a_person_signs_in_talks_and_signs_out(page: Page, guarded: Guarded) -> None:
    await _signs_in(page, guarded, "Ada", "1")
    composer = page.get_by_role("textbox", name="Message")
    await composer.fill("hello")
    await composer.press("Enter")
    await guarded.door.hub.answer_next("hello, Ada")
    await expect(page.locator(".thread .assistant .body")).to_have_text("hello, Ada")
    leave = page.get_by_role("button", name="Sign out")
    await expect(leave).to_have_attribute("title", "Signed in as Ada")

    await leave.click()

    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    await expect(page.locator("#composer")).to_have_count(0)


@pytest.mark.parametrize("width", [390, 340])
async def test_a_phone_shows_all_of_an_admin_without_scrolling_sideways(
    page: Page, server: WebServer, width: int
) -> None:
    async with provider(f"http://127.0.0.1:{server.port}{CALLBACK}") as found:
        boss = f"web:local:{user_of(found.issuer, '1')}"
        hub = WebHub(sign_in=sign_in_with(found), admins=frozenset({boss}))
        async with server.serving(hub) as door:
            await page.set_viewport_size({"width": width, "height": 700})
            await _signs_in(page, Guarded(door, found), "Ada", "1")
            for name in ("Strangers", "Sign out"):
                await expect(page.get_by_role("button", name=name)).to_be_visible()
            shown = await page.evaluate("document.documentElement.scrollWidth")

    assert shown <= width


async def test_a_session_that_ended_leads_to_the_way_in(page: Page, guarded: Guarded) -> None:
    await _signs_in(page, guarded, "Ada", "1")

    await page.context.clear_cookies()
    guarded.door.hub.adapter.pages.close()

    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()


async def test_the_next_person_never_sends_what_the_last_one_wrote(
    page: Page, guarded: Guarded
) -> None:
    await _signs_in(page, guarded, "Ada", "1")
    guarded.door.hub.is_down = True
    composer = page.get_by_role("textbox", name="Message")
    await composer.fill("between me and my agent")
    await composer.press("Enter")
    await expect(page.locator(".thread .user .note")).to_contain_text("Not sent yet")

    await page.context.clear_cookies()
    guarded.door.hub.is_down = False
    await _signs_in(page, guarded, "Bob", "2")
    composer = page.get_by_role("textbox", name="Message")
    await composer.fill("hello")
    await composer.press("Enter")
    await guarded.door.hub.has_accepted(1)

    assert [message.text for message in guarded.door.hub.accepted] == ["hello"]
    await expect(page.locator(".thread .user .body")).to_have_text("hello")


async def test_who_it_is_is_asked_until_that_is_known(page: Page, guarded: Guarded) -> None:
    """While nobody can tell, nothing is sent: it may be what the last one wrote."""
    await _signs_in(page, guarded, "Ada", "1")
    guarded.door.hub.is_down = True
    await page.get_by_role("textbox", name="Message").fill("between me and my agent")
    await page.get_by_role("textbox", name="Message").press("Enter")
    await expect(page.locator(".thread .user .note")).to_contain_text("Not sent yet")
    await page.context.clear_cookies()
    guarded.door.hub.is_down = False

    guarded.provider.name, guarded.provider.subject = "Bob", "2"
    await page.goto(guarded.door.url)
    await page.get_by_role("link", name="Sign in").click()
    await page.route("**/me", lambda route: route.fulfill(status=503), times=1)
    await page.get_by_role("link", name="Continue as Bob").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    await page.get_by_role("textbox", name="Message").fill("hello")
    await page.get_by_role("textbox", name="Message").press("Enter")
    await guarded.door.hub.has_accepted(1)

    assert [message.text for message in guarded.door.hub.accepted] == ["hello"]


async def test_who_signs_out_leaves_in_every_tab(page: Page, guarded: Guarded) -> None:
    await _signs_in(page, guarded, "Ada", "1")
    other = await page.context.new_page()
    await other.goto(guarded.door.url)
    await expect(other.locator("#link")).to_have_attribute("data-state", "connected")

    await page.get_by_role("button", name="Sign out").click()

    for tab in (page, other):
        await expect(tab.get_by_role("link", name="Sign in")).to_be_visible()


async def test_who_could_not_be_signed_out_is_told(page: Page, guarded: Guarded) -> None:
    await _signs_in(page, guarded, "Ada", "1")
    await page.route("**/auth/logout", lambda route: route.abort())

    await page.get_by_role("button", name="Sign out").click()

    await expect(page.get_by_role("button", name="still signed in")).to_be_visible()
