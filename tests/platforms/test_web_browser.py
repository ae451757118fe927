"""The chat page in a real browser: what a person sees, on desktop and phone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    ViewportSize,
    expect,
)

from adapters.web.pages import Frame
from gateway.domain.turns import Turn
from tests.fakes.browser import needs_browser, opened_browser
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.web_hub import Served, WebHub, WebServer

PHONE = ViewportSize(width=390, height=780)
EMPTY = "The message is empty. Write something."


pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), needs_browser]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncGenerator[Browser]:
    """Start one browser for all tests of this file."""
    async with opened_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def door(server: WebServer) -> AsyncGenerator[Served]:
    """Serve a web door."""
    async with server.serving(WebHub()) as door:
        yield door


class Visit:
    """A person with the page before them; what the browser complains of fails the test."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.composer = page.get_by_role("textbox", name="Message")
        self.mine = page.locator(".thread .user .body")
        self.answers = page.locator(".thread .assistant .body")

    async def opens(self, door: Served) -> None:
        await self.page.goto(door.url)
        await self.sees_state("connected")

    async def says(self, text: str) -> None:
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def sees_state(self, state: str) -> None:
        await expect(self.page.locator("#link")).to_have_attribute("data-state", state)


@contextlib.asynccontextmanager
async def _visit(context: BrowserContext, door: Served) -> AsyncGenerator[Visit]:
    """Open the page for somebody who was never here."""
    await context.clear_cookies()
    visit = Visit(await context.new_page())
    await visit.opens(door)
    yield visit
    await visit.page.evaluate("localStorage.clear()")
    await visit.page.close()
    assert visit.complaints == []


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desktop(browser: Browser) -> AsyncGenerator[BrowserContext]:
    """Open a browser window; each test clears its cookies."""
    async with await browser.new_context() as context:
        yield context


@pytest_asyncio.fixture(loop_scope="module")
async def ada(desktop: BrowserContext, door: Served) -> AsyncGenerator[Visit]:
    """Open the page for Ada."""
    async with _visit(desktop, door) as visit:
        yield visit


async def _sees(shown: Locator, *texts: str) -> None:
    await expect(shown).to_have_text(list(texts))


async def _chats(door: Served, visit: Visit, said: str, answer: str) -> Turn:
    await visit.says(said)
    return await door.hub.answer_next(answer)


async def test_an_empty_page_invites_and_a_suggestion_fills_the_composer(ada: Visit) -> None:
    await expect(ada.page.get_by_role("heading", name="Say hello…")).to_be_visible()

    await ada.page.get_by_role("button", name="What can you do for me?").click()

    await expect(ada.composer).to_have_value("What can you do for me?")
    await expect(ada.composer).to_be_focused()


async def test_a_message_is_sent_typed_streamed_and_answered_in_place(
    door: Served, ada: Visit
) -> None:
    await ada.says("hi")
    turn = await door.hub.next_turn()
    async with door.hub.adapter.show_typing(turn.conversation):
        await expect(ada.page.locator("#typing")).to_be_visible()
        await door.hub.stream(turn, "Hello **wor")
        await _sees(ada.answers, "Hello **wor")
        await expect(ada.page.locator("#typing")).to_be_hidden()
        await door.hub.stream(turn, "Hello **world**")
        await _sees(ada.answers.locator("strong"), "world")
    await door.hub.finish(turn, "Hello **world**, and more.")

    await _sees(ada.answers, "Hello world, and more.")
    await _sees(ada.mine, "hi")
    await expect(ada.page.locator("#empty")).to_be_hidden()
    await expect(ada.page.locator("#announcer")).to_have_text("Postern: Hello **world**, and more.")


async def test_enter_sends_and_shift_enter_starts_a_line(door: Served, ada: Visit) -> None:
    composer = ada.composer
    before = await composer.bounding_box()
    await composer.press_sequentially("one")
    await composer.press("Shift+Enter")
    await composer.press_sequentially("two")
    after = await composer.bounding_box()
    await composer.press("Enter")

    turn = await door.hub.next_turn()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]
    assert turn.messages[0].text == "one\ntwo"


async def test_an_answer_with_script_in_it_is_only_text(door: Served, ada: Visit) -> None:
    answer = "<img src=x onerror=\"document.title='owned'\"> [x](javascript:alert(1))"
    await _chats(door, ada, "<b>hi</b>", answer)

    await _sees(ada.answers, answer)
    await _sees(ada.mine, "<b>hi</b>")
    assert await ada.page.locator(".thread img, .thread b:not(.by b)").count() == 0
    assert await ada.page.title() == "Postern"


async def test_code_has_its_language_and_a_button_to_copy(door: Served, ada: Visit) -> None:
    await ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await _chats(door, ada, "code", "- see\n\n  ```python\n  x = 1\n  ```\n\n|a|\n|-|\n|1|")

    await _sees(ada.page.locator(".code .head span"), "python")
    await ada.page.get_by_role("button", name="Copy").click()
    await expect(ada.page.get_by_role("button", name="Copied")).to_be_visible()
    assert await ada.page.evaluate("navigator.clipboard.readText()") == "x = 1\n"
    await expect(ada.page.locator(".table table")).to_be_visible()


async def test_a_reload_shows_the_same_conversation(door: Served, ada: Visit) -> None:
    await _chats(door, ada, "hi", "*hello*")
    await _sees(ada.answers, "hello")

    await ada.page.reload()

    await _sees(ada.mine, "hi")
    await _sees(ada.answers, "hello")
    await expect(ada.answers.locator("em")).to_have_text("hello")


async def test_older_messages_come_when_scrolling_up(door: Served, ada: Visit) -> None:
    for number in range(60):
        await _chats(door, ada, f"question {number}", f"answer {number}")
    await ada.page.reload()
    await expect(ada.answers).to_have_count(25)
    await _is_at_end(ada)

    await ada.page.locator("#room").evaluate("room => { room.scrollTop = 0; }")

    await expect(ada.answers).to_have_count(50)
    await ada.page.locator("#room").evaluate("room => { room.scrollTop = 0; }")
    await _sees(ada.answers, *(f"answer {number}" for number in range(60)))
    await ada.page.get_by_role("button", name="Go to the newest message").click()
    await _is_at_end(ada)


async def _is_at_end(visit: Visit) -> None:
    await expect(visit.page.locator("#newest")).to_be_hidden()
    await expect(visit.answers.last).to_be_in_viewport()


async def test_after_a_lost_connection_all_is_sent_and_shown_once(
    desktop: BrowserContext,
) -> None:
    hub, server = WebHub(), WebServer()
    async with server.running(), server.serving(hub) as door:
        ada = Visit(await desktop.new_page())
        await ada.opens(door)
        await _chats(door, ada, "one", "to one")
        await _sees(ada.answers, "to one")
    await ada.sees_state("lost")
    await ada.says("two")
    await _sees(ada.page.locator(".user .note:visible"), "Not sent yet. It goes out by itself.")
    async with server.running(), server.serving(hub):
        await ada.sees_state("connected")
        await hub.answer_next("to two")

        await _sees(ada.mine, "one", "two")
        await _sees(ada.answers, "to one", "to two")
        await expect(ada.page.locator(".user .note:visible")).to_have_count(0)
        await ada.page.close()
    assert [message.text for message in hub.accepted] == ["one", "two"]


async def test_a_draft_that_was_given_up_meanwhile_is_gone_after_a_reconnect(
    desktop: BrowserContext,
) -> None:
    hub, server = WebHub(), WebServer()
    async with server.running(), server.serving(hub) as door:
        ada = Visit(await desktop.new_page())
        await ada.opens(door)
        await ada.says("one")
        turn = await hub.next_turn()
        await hub.stream(turn, "never mind")
        await _sees(ada.answers, "never mind")
    await ada.sees_state("lost")
    await hub.finish(turn)
    async with server.running(), server.serving(hub):
        await ada.sees_state("connected")

        await expect(ada.answers).to_have_count(0)
        await _sees(ada.mine, "one")
        await ada.page.close()


async def test_a_late_draft_never_replaces_an_answer(door: Served, ada: Visit) -> None:
    turn = await _chats(door, ada, "hi", "whole")
    late = json.dumps({"type": "draft", "id": f"{turn.ref.id}.0", "html": "<p>late</p>"})
    door.hub.adapter.pages.publish(turn.conversation.id, Frame(late, late))
    await _chats(door, ada, "and", "next")

    await _sees(ada.answers, "whole", "next")


async def test_what_was_not_sent_outlives_a_reload(door: Served, ada: Visit) -> None:
    door.hub.is_down = True
    await ada.says("do not lose me")
    await expect(ada.page.locator(".user .note")).to_contain_text("Not sent yet")

    door.hub.is_down = False
    await ada.page.reload()

    await door.hub.answer_next("never")
    await _sees(ada.answers, "never")
    await _sees(ada.mine, "do not lose me")
    assert len(door.hub.accepted) == 1


async def test_two_tabs_of_one_browser_show_the_same(door: Served, ada: Visit) -> None:
    other = Visit(await ada.page.context.new_page())
    await other.opens(door)

    await _chats(door, ada, "hi", "hello")

    for tab in (ada, other):
        await _sees(tab.mine, "hi")
        await _sees(tab.answers, "hello")
    await other.page.close()


async def test_two_browsers_never_see_each_other(
    browser: Browser, door: Served, ada: Visit
) -> None:
    async with await browser.new_context() as other, _visit(other, door) as bob:
        await _chats(door, ada, "ada's secret", "for ada")
        await _chats(door, bob, "bob's secret", "for bob")

        await _sees(bob.answers, "for bob")
        await _sees(ada.answers, "for ada")
        await bob.page.reload()
        await _sees(bob.mine, "bob's secret")
        seen = await bob.page.content()
        assert "ada's" not in seen
        assert "for ada" not in seen


async def test_each_agent_has_its_own_conversation(door: Served, ada: Visit) -> None:
    await _chats(door, ada, "to postern", "from postern")
    await _sees(ada.answers, "from postern")

    await ada.page.get_by_label("Agent").select_option("Muse")

    await expect(ada.page.locator("#empty")).to_be_visible()
    await ada.sees_state("connected")
    turn = await _chats(door, ada, "to muse", "from muse")
    await _sees(ada.answers, "from muse")
    assert turn.conversation.workspace == "muse"


async def test_a_phone_shows_all_without_scrolling_sideways(browser: Browser, door: Served) -> None:
    pocket = await browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)
    async with pocket, _visit(pocket, door) as phone:
        await _chats(
            door,
            phone,
            "wide",
            f"{'x' * 400}\n\n```\n{'y' * 300}\n```\n\n|{'a|' * 30}\n|{'-|' * 30}",
        )

        await expect(phone.answers).to_be_visible()
        await expect(phone.composer).to_be_in_viewport()
        await expect(phone.page.get_by_role("button", name="Send")).to_be_in_viewport()
        width = await phone.page.locator("html").evaluate("page => page.scrollWidth")
        assert width <= PHONE["width"]


async def test_a_refused_message_says_why(door: Served, ada: Visit) -> None:
    await ada.says("\u0007")

    await expect(ada.page.locator(".user .note")).to_have_text(EMPTY)
    await expect(ada.page.locator("#announcer")).to_have_text(f"Not sent: {EMPTY}")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await _chats(door, ada, "short", "fine")
    await _sees(ada.answers, "fine")
