"""Canvases on the chat page, in a real browser: drawn, pressed, filled in, changed, taken back."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import ConsoleMessage, Page, ViewportSize, expect

from gateway.domain.canvases import Canvas, Mode
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.text.canvas import buttons_of, filled_in, in_words
from tests.fakes.browser import needs_browser, opened_browser
from tests.platforms.web_hub import Served, WebHub, WebServer
from tests.unit.toolbox.canvases import EVERY_KIND
from toolbox.canvas_names import named
from toolbox.canvas_reading import read_canvas

PICTURES = os.environ.get("POSTERN_SCREENSHOTS")
"""A folder for pictures of the page, for people to look at."""
EVIL = "<img src=x onerror=alert(1)>\"' <script>alert(1)</script>"

pytestmark = [pytest.mark.browser, needs_browser]


@dataclass
class Wall:
    """A page on which canvases are shown; what the browser complains of fails the test."""

    page: Page
    door: Served
    complaints: list[str] = field(default_factory=list[str])
    _posts: list[NewDelivery] = field(default_factory=list[NewDelivery])

    def note(self, line: ConsoleMessage) -> None:
        """Keep what the browser says in its console, where it is a complaint."""
        if line.type == "error":
            self.complaints.append(line.text)

    async def shows(self, canvas: Canvas) -> NewDelivery:
        """Have the agent show it, in the page's conversation."""
        composer = self.page.get_by_role("textbox", name="Message")
        await composer.fill("show me")
        await composer.press("Enter")
        turn = await self.door.hub.answer_next("Here it is.")
        canvas = named(canvas, "trip")
        post = NewDelivery(
            DeliveryId(f"{turn.ref.id}.canvas-1"),
            turn.conversation,
            in_words(canvas),
            buttons=buttons_of(canvas),
            canvas=canvas,
        )
        await self.door.hub.post(post)
        return post

    async def changes(self, post: NewDelivery, canvas: Canvas | None) -> None:
        """Have the agent change it, or take it back."""
        hub = self.door.hub
        canvas = canvas and named(canvas, "trip")
        text = "" if canvas is None else in_words(canvas)
        await hub.store.deliveries.revise(post.id, text, (), hub.clock.now(), canvas=canvas)
        await hub.deliver()

    async def picture(self, name: str) -> None:
        """Keep a picture, where somebody asked for it."""
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


@pytest_asyncio.fixture
async def wall() -> AsyncGenerator[Wall]:
    async with (
        WebServer().running() as server,
        server.serving(WebHub()) as door,
        opened_browser() as browser,
    ):
        page = await browser.new_page(viewport=ViewportSize(width=900, height=1500))
        wall = Wall(page, door)
        page.on("pageerror", lambda error: wall.complaints.append(str(error)))
        page.on("console", wall.note)
        await page.goto(door.url)
        await expect(page.locator("#link")).to_have_attribute("data-state", "connected")
        yield wall
        assert wall.complaints == []


async def test_every_kind_of_component_is_drawn_also_after_a_reload(wall: Wall) -> None:
    await wall.shows(read_canvas(EVERY_KIND))
    canvas = wall.page.locator(".canvas")
    await expect(canvas.get_by_role("heading", name="Rome")).to_be_visible()

    await wall.page.reload()

    await expect(canvas).to_have_count(1)
    await expect(canvas.locator(".grid > *")).to_have_count(2)
    await expect(canvas.get_by_role("progressbar", name="Packed")).to_have_attribute("value", "60")
    await expect(canvas.get_by_role("region", name="Days")).to_contain_text("Arrive")
    await expect(canvas.get_by_role("link", name="The Forum").first).to_be_visible()
    await expect(canvas.get_by_role("table")).to_be_hidden()
    await canvas.get_by_text("What to pack").click()
    await expect(canvas.get_by_role("table")).to_be_visible()
    await expect(wall.page.locator(".thread .buttons button")).to_have_count(0)
    await expect(wall.page.locator("img:not(.mark):not(.empty img)")).to_have_count(0)
    await wall.picture("canvas")
    await wall.page.set_viewport_size(ViewportSize(width=390, height=1400))
    assert await wall.page.evaluate("document.documentElement.scrollWidth") <= 390
    await wall.picture("canvas-phone")


async def test_a_press_says_its_words(wall: Wall) -> None:
    await wall.shows(read_canvas(EVERY_KIND))

    await wall.page.get_by_role("button", name="Book it").click()
    await wall.door.hub.has_accepted(2)

    assert wall.door.hub.accepted[1].text == "Book the hotel (trip)"


async def test_a_form_is_sent_off_as_its_persons_words_once_it_is_filled_in(wall: Wall) -> None:
    await wall.shows(read_canvas(EVERY_KIND))
    form = wall.page.locator(".canvas form")

    await form.get_by_role("button", name="Plan it").click()
    await form.get_by_label("From").fill(" Paris ")
    await form.get_by_label("By").select_option("Bus")
    await form.get_by_role("button", name="Plan it").click()
    await wall.door.hub.has_accepted(2)

    said = filled_in("Your trip (trip)", [("From", " Paris "), ("By", "Bus"), ("Wishes", "")])
    assert [each.text for each in wall.door.hub.accepted] == ["show me", said]
    await expect(form.get_by_label("From")).to_have_value("")


async def test_a_change_is_seen_at_once_and_what_was_taken_back_is_gone(wall: Wall) -> None:
    post = await wall.shows(read_canvas(EVERY_KIND))
    canvas = wall.page.locator(".canvas")
    await expect(canvas).to_have_count(1)

    await wall.changes(post, read_canvas([{"type": "badge", "text": "booked", "tone": "good"}]))
    await expect(canvas).to_have_text("✅ booked")
    await wall.changes(post, None)

    await expect(canvas).to_have_count(0)


async def test_what_was_written_and_opened_outlives_a_change(wall: Wall) -> None:
    post = await wall.shows(read_canvas(EVERY_KIND))
    canvas = wall.page.locator(".canvas")
    await canvas.get_by_text("What to pack").click()
    await canvas.get_by_label("By").select_option("Bus")
    await canvas.get_by_label("Wishes").fill("a window seat")

    await wall.changes(post, read_canvas([{"type": "badge", "text": "new"}, *EVERY_KIND]))

    await expect(canvas.get_by_text("new", exact=True)).to_be_visible()
    await expect(canvas.get_by_role("table")).to_be_visible()
    await expect(canvas.get_by_label("By")).to_have_value("Bus")
    await expect(canvas.get_by_label("Wishes")).to_have_value("a window seat")
    await expect(canvas.get_by_label("Wishes")).to_be_focused()


@pytest.mark.parametrize("mode", ["overlay", "fullscreen"])
async def test_what_stands_above_the_conversation_is_opened_by_its_person_and_stays_open(
    wall: Wall, mode: Mode
) -> None:
    post = await wall.shows(read_canvas(EVERY_KIND, mode))
    dialog = wall.page.get_by_role("dialog", name="Rome")
    await expect(dialog).to_be_hidden()
    await wall.page.get_by_role("button", name="Open “Rome”").click()
    await expect(dialog.get_by_role("button", name="Book it")).to_be_visible()
    await wall.picture(f"canvas-{mode}")

    await wall.changes(post, read_canvas([*EVERY_KIND[:3], {"type": "divider"}], mode))

    await expect(dialog.get_by_role("button", name="Book it")).to_have_count(0)
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_be_hidden()


async def test_no_text_of_an_agent_becomes_markup(wall: Wall) -> None:
    evil = [
        {"type": "card", "title": EVIL, "text": EVIL},
        {"type": "list", "items": [EVIL]},
        {"type": "table", "columns": [EVIL], "rows": [[EVIL]]},
        {"type": "button", "label": EVIL[:60], "says": EVIL[:60]},
        {"type": "image", "url": "https://x.example/'onload='alert(1)", "alt": EVIL},
        {"type": "stats", "items": [{"label": EVIL, "value": EVIL}]},
        {"type": "form", "title": '"><script>x', "fields": [{"label": '" onfocus="alert(1)'}]},
    ]

    await wall.shows(read_canvas(evil))

    canvas = wall.page.locator(".canvas")
    await expect(canvas.locator(".card h3")).to_have_text(EVIL)
    await expect(canvas.locator("img, script, [onload], [onfocus], [onerror]")).to_have_count(0)
