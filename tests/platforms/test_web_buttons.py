"""Buttons and files of an answer on the chat page, in a real browser and over HTTP."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from adapters.web.guard import WebOptions
from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button, ButtonStyle, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.turns import Turn
from tests.fakes.browser import needs_browser, opened_browser
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.web_hub import Served, WebHub, WebServer

QUESTION = 'Your agent wants to use `pay`:\n```json\n{\n  "euros": 5\n}\n```\n\nMay it?'
BUTTONS = (
    Button("Approve", "/approve a1b2c3d4", ButtonStyle.GOOD),
    Button("Deny", "/deny a1b2c3d4", ButtonStyle.DANGER),
)
EVIL = Button("<img src=x onerror=alert(1)>", "<script>")
PICTURES = os.environ.get("POSTERN_SCREENSHOTS")
"""A folder for pictures of the page, for people to look at."""


@dataclass
class Room:
    """A page and the door behind it."""

    page: Page
    door: Served

    async def asks(self, *, buttons: tuple[Button, ...] = BUTTONS) -> NewDelivery:
        """Have the agent ask something, in Ada's conversation."""
        turn = await self.says("pay Bob")
        post = _post(turn, buttons=buttons)
        await self.door.hub.post(post)
        return post

    async def says(self, text: str) -> Turn:
        """Write in the page, and answer it."""
        composer = self.page.get_by_role("textbox", name="Message")
        await composer.fill(text)
        await composer.press("Enter")
        return await self.door.hub.answer_next("One moment.")

    async def picture(self, name: str) -> None:
        """Keep a picture, where somebody asked for it."""
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png")


def _post(
    turn: Turn, *, buttons: tuple[Button, ...] = (), files: tuple[Attachment, ...] = ()
) -> NewDelivery:
    post = DeliveryId(f"{turn.ref.id}.question")
    return NewDelivery(post, turn.conversation, QUESTION, buttons=buttons, files=files)


@pytest_asyncio.fixture
async def door() -> AsyncGenerator[Served]:
    async with WebServer().running() as server, server.serving(WebHub()) as door:
        yield door


@pytest_asyncio.fixture
async def room(door: Served) -> AsyncGenerator[Room]:
    async with opened_browser() as browser:
        page = await browser.new_page()
        await page.goto(door.url)
        await expect(page.locator("#link")).to_have_attribute("data-state", "connected")
        yield Room(page, door)


@pytest.mark.browser
@needs_browser
async def test_a_pressed_button_says_what_its_presser_could_type(room: Room) -> None:
    await room.asks()
    shown = room.page.locator(".thread .buttons button")
    await expect(shown).to_have_text(["Approve", "Deny"])
    await room.picture("question")

    await room.page.get_by_role("button", name="Approve").click()
    await room.door.hub.has_accepted(2)

    assert room.door.hub.accepted[1].text == "/approve a1b2c3d4"


@pytest.mark.browser
@needs_browser
async def test_an_edit_in_place_takes_the_buttons_away_also_after_a_reload(room: Room) -> None:
    post = await room.asks()
    buttons = room.page.locator(".thread .buttons button")
    await expect(buttons).to_have_count(2)
    await room.page.reload()
    await expect(buttons).to_have_count(2)

    await room.door.hub.revise(post, "**Approved by Ada** at 09:00 UTC.")

    await expect(buttons).to_have_count(0)
    outcome = room.page.locator(".thread .assistant .body", has_text="Approved by Ada")
    await expect(outcome).to_have_count(1)
    await room.picture("decided")
    await room.page.reload()
    await expect(outcome).to_have_count(1)
    await expect(buttons).to_have_count(0)


@pytest.mark.browser
@needs_browser
async def test_a_label_is_text_and_never_markup(room: Room) -> None:
    await room.asks(buttons=(EVIL,))

    await expect(room.page.locator(".thread .buttons button")).to_have_text([EVIL.label])
    await expect(room.page.locator(".thread .buttons img")).to_have_count(0)


async def _with_a_file(door: Served, client: httpx.AsyncClient) -> str:
    """Have the agent answer with a file; return its address."""
    await client.get("/")
    plan = {"agent_id": "postern", "message": "plan"}
    await client.post("/chat", json=plan, timeout=PATIENCE_SECONDS)
    turn = await door.hub.next_turn()
    await door.hub.finish(turn, "Here.")
    saved = await door.hub.artifacts.save("ada/plan.html", b"<script>alert(1)</script>")
    file = Attachment("plän.html", saved.media_type, saved.size_bytes, saved.key)
    await door.hub.post(_post(turn, files=(file,)))
    history = (await client.get("/history/postern")).json()["messages"]
    return str(history[-1]["files"][0]["url"])


async def test_who_sees_an_answer_fetches_its_files_and_nobody_else() -> None:
    async with (
        WebServer().running() as server,
        server.serving(WebHub(), WebOptions(answer_seconds=0.1)) as door,
        httpx.AsyncClient(base_url=door.url) as ada,
        httpx.AsyncClient(base_url=door.url) as mallory,
    ):
        url = await _with_a_file(door, ada)
        await mallory.get("/")

        own, others = await ada.get(f"/{url}"), await mallory.get(f"/{url}")
        beyond = [await ada.get(f"/{url.rpartition('/')[0]}/{index}") for index in (1, -1)]

    assert (own.status_code, own.content) == (200, b"<script>alert(1)</script>")
    assert own.headers["content-type"] == "application/octet-stream"
    assert own.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in own.headers["content-security-policy"]
    assert [each.status_code for each in (others, *beyond)] == [404, 404, 404]
