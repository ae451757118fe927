"""The chat page for its readers: nothing jumps, all is told, and keyboard and ears suffice."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, ViewportSize, WebSocketRoute, expect

from adapters.web.sessions import COOKIE, new_token, visitor_of
from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.people import Standing
from tests.fakes.browser import needs_browser, opened_browser
from tests.platforms.test_web_browser import Visit
from tests.platforms.web_hub import Served, WebHub, WebServer

PHONE = ViewportSize(width=390, height=780)
LONG = "\n\n".join(f"Line {number}." for number in range(60))
MARKDOWN = "[a](https://a.example) `b`\n\n> c\n\n```python\nd\n```\n\n|e|\n|-|\n|f|"
FAINTEST = """() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (part) => (part / 255 + 0.055) / 1.055;
  const linear = (part) => (part <= 10 ? part / 255 / 12.92 : light(part) ** 2.4);
  const shine = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = rgb(getComputedStyle(element).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
  };
  const isText = (node) => node.nodeType === 3 && node.data.trim();
  const isShown = (element) => [...element.childNodes].some(isText) && element.checkVisibility();
  const shown = [...document.querySelectorAll("body *")].filter(isShown);
  const contrasts = shown.map((element) => {
    const both = [rgb(getComputedStyle(element).color), behind(element)].map(shine);
    return [(Math.max(...both) + 0.05) / (Math.min(...both) + 0.05), element.outerHTML];
  });
  return contrasts.sort((one, other) => one[0] - other[0])[0];
}"""
"""The text that stands out least on the page, and how much."""

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), needs_browser]


def picture(width: int, height: int) -> bytes:
    """Return a white PNG."""
    rows = zlib.compress((b"\0" + b"\xff" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


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


@pytest_asyncio.fixture(loop_scope="module")
async def ada(browser: Browser) -> AsyncGenerator[Visit]:
    """Let somebody come who was never here, with a phone; what the browser complains of fails."""
    async with await browser.new_context(viewport=PHONE) as context:
        visit = Visit(await context.new_page())
        yield visit
    assert visit.complaints == []


async def test_who_is_not_heard_is_told_so_and_may_write_once_that_changes(
    door: Served, ada: Visit
) -> None:
    door.hub.standing = Standing.UNLISTED
    await ada.opens(door)
    shut = ada.page.locator("#shut")
    await expect(shut).to_contain_text("What you write here is not heard.")
    await expect(shut.locator("#identity")).to_contain_text("web:local:")
    await expect(ada.composer).to_be_hidden()
    await expect(ada.page.get_by_role("heading", name="Say hello…")).to_be_hidden()

    door.hub.standing = Standing.ADMITTED
    door.hub.adapter.pages.close()

    await expect(ada.composer).to_be_visible()
    await expect(shut).to_be_hidden()
    await ada.says("hi")
    await door.hub.answer_next("hello")
    await expect(ada.answers).to_have_text("hello")


async def test_who_is_not_known_yet_is_told_how_to_be_let_in(door: Served, ada: Visit) -> None:
    door.hub.standing = Standing.STRANGER

    await ada.opens(door)

    await expect(ada.page.locator("#empty")).to_contain_text("a code, by which the operator can")
    await expect(ada.page.locator("#empty button")).to_have_count(3)
    await expect(ada.page.locator("#empty button:visible")).to_have_count(0)
    await expect(ada.composer).to_be_visible()


async def test_who_reads_further_up_stays_there_while_an_answer_grows(
    door: Served, ada: Visit
) -> None:
    await ada.opens(door)
    await ada.says("hi")
    turn = await door.hub.next_turn()
    await door.hub.stream(turn, LONG)
    await expect(ada.answers).to_contain_text("Line 59.")
    room = ada.page.locator("#room")
    at_end = await room.evaluate("room => room.scrollHeight - room.scrollTop - room.clientHeight")
    await room.evaluate("room => room.scrollBy(0, -40)")
    before = await room.evaluate(
        "room => new Promise(done => requestAnimationFrame(() => done(room.scrollTop)))"
    )

    await door.hub.stream(turn, f"{LONG}\n\nThe end is near.")
    await expect(ada.answers).to_contain_text("The end is near.")
    await door.hub.finish(turn, f"{LONG}\n\nThe end.")
    await expect(ada.answers).to_contain_text("The end.")
    await ada.page.evaluate("new Promise(done => requestAnimationFrame(() => done()))")

    assert at_end < 2
    assert await room.evaluate("room => room.scrollTop") == before
    await ada.says("and")
    await expect(ada.mine.last).to_be_in_viewport()


async def test_the_keyboard_reads_further_up_from_the_composer_and_from_the_room(
    door: Served, ada: Visit
) -> None:
    await ada.opens(door)
    await ada.says("hi")
    await door.hub.answer_next(LONG)
    await expect(ada.answers).to_contain_text("Line 59.")
    await ada.page.evaluate("new Promise(done => requestAnimationFrame(() => done()))")
    room = ada.page.get_by_role("main", name="Conversation")

    await ada.composer.press("PageUp")

    newest = ada.page.get_by_role("button", name="Go to the newest message")
    await expect(newest).to_be_visible()
    await expect(ada.composer).to_be_focused()
    await newest.press("Enter")
    await expect(newest).to_be_hidden()
    await expect(room).to_be_focused()
    await room.press("PageUp")
    await expect(newest).to_be_visible()


async def test_of_answers_that_come_at_once_each_is_read_out(door: Served, ada: Visit) -> None:
    await ada.opens(door)
    await ada.says("hi")
    turn = await door.hub.next_turn()

    await door.hub.finish(turn, "one", "two")

    spoken = ada.page.locator("#announcer p")
    await expect(spoken).to_have_text(["Postern: one", "Postern: two"])
    by = ada.page.get_by_role("listitem").locator(".by")
    await expect(by.first).to_have_text("You")


async def test_a_message_that_is_too_long_stays_in_the_composer(door: Served, ada: Visit) -> None:
    await ada.opens(door)

    await ada.says("x" * 32_001)

    alert = ada.page.get_by_role("alert")
    await expect(alert).to_contain_text("32,001 characters; 32,000 is the most")
    assert len(await ada.composer.input_value()) == 32_001
    await expect(ada.mine).to_have_count(0)
    await ada.says("short")
    await expect(alert).to_be_hidden()


async def test_whose_button_is_gone_stands_on_the_message(door: Served, ada: Visit) -> None:
    await ada.opens(door)
    await ada.says("pay")
    turn = await door.hub.answer_next("One moment.")
    buttons = (Button("Approve", "/approve 1"), Button("Deny", "/deny 1"))
    post = DeliveryId(f"{turn.ref.id}.question")
    question = NewDelivery(post, turn.conversation, "May it?", buttons=buttons)
    await door.hub.post(question)
    await ada.page.get_by_role("button", name="Approve").press("Enter")

    await door.hub.revise(question, "Approved.")

    message = ada.page.get_by_role("listitem").filter(has_text="Approved.")
    await expect(message).to_be_focused()


async def test_code_is_selected_where_no_page_may_write_to_the_clipboard(
    door: Served, ada: Visit
) -> None:
    await ada.page.add_init_script("delete Navigator.prototype.clipboard")
    await ada.opens(door)
    await ada.says("code")
    await door.hub.answer_next("```\nx = 1\n```")

    await ada.page.get_by_role("button", name="Copy").click()

    await expect(ada.page.get_by_role("button", name="Selected")).to_be_visible()
    assert await ada.page.evaluate("getSelection().toString().trim()") == "x = 1"


async def test_what_the_server_refuses_is_told_and_not_asked_for_ever(
    door: Served, ada: Visit
) -> None:
    said = {"error": "No agents for you today."}
    await ada.page.route("**/agents", lambda route: route.fulfill(status=403, json=said))

    await ada.page.goto(door.url)

    await expect(ada.page.get_by_role("alert")).to_have_text(said["error"])
    await expect(ada.page.locator("#link")).to_be_hidden()


async def test_older_messages_that_can_not_be_read_leave_the_connection_as_it_is(
    door: Served, ada: Visit
) -> None:
    await ada.opens(door)
    for number in range(26):
        await ada.says(f"question {number}")
        await door.hub.answer_next(f"answer {number}")
    await ada.page.reload()
    await ada.sees_state("connected")
    is_back = asyncio.Event()

    async def away(route: Route) -> None:
        await (route.continue_() if is_back.is_set() else route.fulfill(status=503))

    await ada.page.route("**/history/*before=*", away)
    await ada.page.locator("#room").evaluate("room => { room.scrollTop = 0; }")

    await expect(ada.page.locator("#older")).to_contain_text("can't be read just now")
    await ada.sees_state("connected")
    is_back.set()
    await expect(ada.answers).to_have_count(26)
    await expect(ada.page.locator("#older")).to_be_hidden()


async def test_a_page_that_gets_no_connection_though_the_server_is_there_says_so(
    door: Served, ada: Visit
) -> None:
    async def deny(socket: WebSocketRoute) -> None:
        await socket.close()

    await ada.page.route_web_socket("**/stream/**", deny)

    await ada.page.goto(door.url)

    await expect(ada.page.get_by_role("alert")).to_contain_text("gives this page no connection")


async def test_a_message_that_meets_silence_goes_out_by_another_connection(
    door: Served, ada: Visit
) -> None:
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()
        if len(sockets) == 1:
            socket.on_message(lambda _: None)

    await ada.page.route_web_socket("**/stream/**", connect)
    await ada.page.clock.install()
    await ada.opens(door)
    await ada.says("hi")

    await ada.page.clock.fast_forward(10_000)

    await door.hub.answer_next("hello")
    await expect(ada.answers).to_have_text("hello")
    assert [message.text for message in door.hub.accepted] == ["hi"]


async def test_a_lost_connection_takes_no_room_from_the_agents_name_on_a_phone(
    server: WebServer, ada: Visit
) -> None:
    secret = new_token()
    visitor = visitor_of(secret)
    assert visitor is not None
    hub = WebHub(admins=frozenset({visitor.sender.identity.key}))
    async with server.serving(hub) as door:
        await ada.page.context.add_cookies([{"name": COOKIE, "value": secret, "url": door.url}])
        await ada.opens(door)
        await expect(ada.page.get_by_role("button", name="Strangers")).to_be_visible()
        picker = ada.page.get_by_label("Agent")
        before = await picker.bounding_box()

        await ada.page.context.set_offline(offline=True)
        hub.adapter.pages.close()

        await expect(ada.page.get_by_text("Reconnecting…")).to_be_visible()
        assert await picker.bounding_box() == before


async def test_an_answer_of_another_day_says_which(door: Served, ada: Visit) -> None:
    await ada.opens(door)
    await ada.says("hi")
    await door.hub.answer_next("hello")
    when = ada.page.locator(".by time")
    year = str(door.hub.clock.now().year)
    await expect(when).not_to_contain_text(year)

    await ada.page.clock.set_system_time(door.hub.clock.now().replace(year=int(year) + 1))
    await ada.page.reload()

    await expect(when).to_contain_text(year)


async def test_a_picture_is_drawn_and_what_only_claims_to_be_one_is_a_file(
    door: Served, ada: Visit
) -> None:
    await ada.opens(door)
    await ada.says("draw")
    turn = await door.hub.answer_next("One moment.")
    shown = {"rome.png": picture(640, 480), "evil.png": b"<script>alert(1)</script>"}
    saved = [await door.hub.artifacts.save(f"ada/{name}", shown[name]) for name in shown]
    sizes = zip(shown, saved, strict=True)
    files = tuple(Attachment(name, "image/png", each.size_bytes, each.key) for name, each in sizes)
    post = DeliveryId(f"{turn.ref.id}.picture")
    await door.hub.post(NewDelivery(post, turn.conversation, "Here.", files=files))

    link = ada.page.get_by_role("link", name="rome.png")
    await expect(link.locator("img")).to_have_js_property("naturalWidth", 640)
    await expect(link).to_be_in_viewport()
    false = ada.page.get_by_role("link", name="evil.png")
    await expect(false.locator("img")).to_have_count(0)
    async with ada.page.expect_download() as download:
        await false.click()
    assert (await download.value).suggested_filename == "evil.png"
    assert await ada.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_what_is_behind_it(
    door: Served, ada: Visit, scheme: str
) -> None:
    await ada.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await ada.opens(door)
    await ada.says("\u0007")
    await expect(ada.page.locator(".user .note")).to_be_visible()
    await ada.says("hi")
    await door.hub.answer_next(MARKDOWN)
    await expect(ada.page.locator(".code")).to_be_visible()

    contrast, element = await ada.page.evaluate(FAINTEST)

    assert contrast >= 4.5, element
