"""Real WebSocket clients at the web door, over a real store."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from adapters.web.pages import FRAMES_LIMIT, Frame
from adapters.web.sessions import COOKIE, new_token, visitor_of
from adapters.web.stream import MISSED_LIMIT
from gateway.domain.conversations import Conversation
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.web_hub import ADMIN_TOKEN, Served, WebHub, WebServer

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def door(server: WebServer) -> AsyncGenerator[Served]:
    """Serve a web door of its own."""
    async with server.serving(WebHub()) as door:
        yield door


class Tab:
    """One open page, as its script sees it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def says(self, text: str, message_id: str = "m1") -> None:
        await self.socket.send(json.dumps({"type": "message", "id": message_id, "text": text}))

    async def hears(self, kind: str) -> dict[str, Any]:
        """Return the next frame of this kind."""
        while (frame := await self.hears_next())["type"] != kind:
            pass
        return frame

    async def hears_next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return json.loads(await self.socket.recv())


@contextlib.asynccontextmanager
async def _tab(door: Served, token: str, query: str = "") -> AsyncGenerator[Tab]:
    url = door.socket_url(f"/stream/postern{query}")
    headers = {"Cookie": f"{COOKIE}={token}", "Origin": door.url}
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        tab = Tab(socket)
        if not query.startswith("?raw"):
            assert (await tab.hears_next())["type"] == "hello"
        yield tab


async def test_a_message_is_accepted_typed_streamed_and_answered(door: Served) -> None:
    async with _tab(door, new_token()) as tab:
        await tab.says("hi", "m1")
        accepted = await tab.hears("accepted")
        turn = await door.hub.next_turn()
        async with door.hub.adapter.show_typing(turn.conversation):
            assert (await tab.hears("typing"))["on"] is True
            await door.hub.stream(turn, "**Hel**")
            draft = await tab.hears("draft")
        assert (await tab.hears("typing"))["on"] is False
        await door.hub.finish(turn, "**Hello**")
        final = await tab.hears("message")

    assert accepted["id"] == "m1"
    assert draft["html"] == "<p><strong>Hel</strong></p>\n"
    assert final["id"] == draft["id"]
    assert (final["role"], final["text"]) == ("assistant", "**Hello**")
    assert final["html"] == "<p><strong>Hello</strong></p>\n"


async def test_a_message_sent_again_after_a_reconnect_is_one_message(door: Served) -> None:
    token = new_token()
    for _ in range(3):
        async with _tab(door, token) as tab:
            await tab.says("hi", "same")
            assert (await tab.hears("accepted"))["id"] == "same"

    assert len(door.hub.accepted) == 1


async def test_both_tabs_of_a_browser_show_both_sides(door: Served) -> None:
    token = new_token()
    async with _tab(door, token) as one, _tab(door, token) as other:
        await one.says("hi")
        await door.hub.answer_next("hello")

        heard = [await other.hears("message"), await other.hears("message")]
        assert [(frame["role"], frame["text"]) for frame in heard] == [
            ("user", "hi"),
            ("assistant", "hello"),
        ]


async def test_no_frame_of_one_person_reaches_another(door: Served) -> None:
    async with _tab(door, new_token()) as ada, _tab(door, new_token()) as bob:
        await ada.says("ada's secret")
        turn = await door.hub.next_turn()
        async with door.hub.adapter.show_typing(turn.conversation):
            await door.hub.stream(turn, "ada's draft")
        await door.hub.finish(turn, "ada's answer")
        await ada.hears("message")
        await bob.says("it is bob", "b1")

        first, second = await bob.hears_next(), await bob.hears_next()

    assert (first["type"], first["text"]) == ("message", "it is bob")
    assert second["type"] == "accepted"


async def test_what_was_missed_comes_after_a_reconnect(door: Served) -> None:
    token = new_token()
    async with _tab(door, token, "?raw=1") as tab:
        cursor = (await tab.hears("hello"))["cursor"]
        await tab.says("one")
        await tab.hears("accepted")
    await door.hub.answer_next("to one")

    async with _tab(door, token, f"?raw=1&after={cursor}") as tab:
        hello = await tab.hears_next()
        missed = [await tab.hears_next(), await tab.hears_next()]

    assert [frame["text"] for frame in missed] == ["one", "to one"]
    assert missed[-1]["cursor"] == hello["cursor"]
    assert hello["gap"] is False


async def test_an_answer_that_began_before_the_cursor_is_not_missed(door: Served) -> None:
    token = new_token()
    async with _tab(door, token) as tab:
        await tab.says("one", "m1")
        turn = await door.hub.next_turn()
        await door.hub.stream(turn, "to o")
        await tab.says("two", "m2")
        await door.hub.has_accepted(2)
    async with _tab(door, token, "?raw=1") as tab:
        cursor = (await tab.hears_next())["cursor"]
    await door.hub.finish(turn, "to one")

    async with _tab(door, token, f"?raw=1&after={cursor}") as tab:
        await tab.hears_next()
        heard = [(await tab.hears_next())["text"] for _ in range(3)]

    assert heard == ["one", "to one", "two"]


async def _asks(client: httpx.AsyncClient, text: str) -> httpx.Response:
    return await client.post("/chat", json={"agent_id": "postern", "message": text})


async def test_who_missed_too_much_gets_the_end_and_reads_the_rest(door: Served) -> None:
    token = new_token()
    headers = {"Cookie": f"{COOKIE}={token}"}
    async with httpx.AsyncClient(base_url=door.url, headers=headers) as ada:
        for number in range(MISSED_LIMIT // 2 + 1):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_asks(ada, f"question {number}"))
                await door.hub.answer_next(f"answer {number}")

    async with _tab(door, token, "?raw=1&after=0") as tab:
        hello = await tab.hears_next()
        texts = [(await tab.hears_next())["text"] for _ in range(MISSED_LIMIT + 2)]

    assert hello["gap"] is True
    assert (texts[0], texts[-1]) == ("question 0", f"answer {MISSED_LIMIT // 2}")


async def test_a_page_that_opens_during_an_answer_sees_it_grow(door: Served) -> None:
    token = new_token()
    async with _tab(door, token) as tab:
        await tab.says("hi")
        turn = await door.hub.next_turn()
        async with door.hub.adapter.show_typing(turn.conversation):
            await door.hub.stream(turn, "so far")
            async with _tab(door, token) as late:
                assert (await late.hears_next())["type"] == "typing"
                assert "so far" in (await late.hears("draft"))["html"]


async def test_an_answer_taken_back_disappears(door: Served) -> None:
    async with _tab(door, new_token()) as tab:
        await tab.says("hi")
        turn = await door.hub.next_turn()
        await door.hub.stream(turn, "on second thought")
        draft = await tab.hears("draft")
        await door.hub.finish(turn)

        assert (await tab.hears("removed"))["id"] == draft["id"]


async def test_a_terminal_gets_plain_text(door: Served) -> None:
    async with _tab(door, new_token(), "?format=text") as tab:
        await tab.says("hi")
        turn = await door.hub.next_turn()
        await door.hub.stream(turn, "**so**")
        assert (await tab.hears("draft"))["text"] == "**so**"
        await door.hub.finish(turn, "**so it is**")
        final = await tab.hears("message")

    assert final["text"] == "**so it is**"
    assert "html" not in final


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ("{", "The frame is not valid JSON."),
        ('{"type": "message", "id": "m", "text": " "}', "The message is empty."),
        ('{"type": "message", "id": "a b", "text": "x"}', '"id" must be'),
        (b"\x00\x01", "The frame is not valid JSON."),
    ],
)
async def test_a_wrong_frame_is_answered_and_the_page_stays(
    door: Served, sent: str | bytes, sentence: str
) -> None:
    async with _tab(door, new_token()) as tab:
        await tab.socket.send(sent)
        error = await tab.hears_next()
        await tab.says("still here", "m2")

        assert error["type"] == "error"
        assert error["text"].startswith(sentence)
        assert error["retry"] is False
        assert (await tab.hears("accepted"))["id"] == "m2"


async def test_a_message_that_could_not_be_stored_may_be_sent_again(door: Served) -> None:
    async with _tab(door, new_token()) as tab:
        door.hub.is_down = True
        await tab.says("hi", "m1")
        error = await tab.hears_next()
        door.hub.is_down = False
        await tab.says("hi", "m1")
        await tab.hears("accepted")

    assert (error["id"], error["retry"]) == ("m1", True)
    assert len(door.hub.accepted) == 1


async def test_a_page_that_is_too_slow_is_told_to_reconnect(door: Served) -> None:
    token = new_token()
    async with _tab(door, token) as tab:
        place = _place_of(token)
        for _ in range(FRAMES_LIMIT + 1):
            door.hub.adapter.pages.publish(place.id, Frame("{}", "{}"))

        with pytest.raises(ConnectionClosed) as closed:
            await tab.hears_next()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013


def _place_of(token: str) -> Conversation:
    visitor = visitor_of(token)
    assert visitor is not None
    return visitor.conversation("postern")


async def test_pages_are_sent_away_when_the_gateway_stops(server: WebServer) -> None:
    hub = WebHub()
    async with server.serving(hub, is_running=False) as door, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(hub.adapter.run(hub.accept))
        async with _tab(door, new_token()) as tab:
            running.cancel()
            with pytest.raises(ConnectionClosed):
                await tab.hears_next()

    assert hub.adapter.pages.count == 0
    assert not hub.adapter.health().is_ready


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/stream/nobody", None, 404),
        ("/stream/a%2Fb", None, 422),
        ("/stream/postern?after=x", None, 422),
        ("/stream/postern?user_id=ada", None, 403),
        ("/stream/postern", "https://evil.example", 403),
    ],
)
async def test_a_wrong_socket_is_denied_with_a_sentence(
    door: Served, path: str, origin: str | None, status: int
) -> None:
    headers = {"Origin": origin} if origin else {}
    with pytest.raises(InvalidStatus) as denied:
        await connect(door.socket_url(path), additional_headers=headers, proxy=None)

    assert denied.value.response.status_code == status
    assert list(json.loads(denied.value.response.body)) == ["error"]


async def test_a_program_without_a_cookie_gets_one_with_its_socket(door: Served) -> None:
    async with connect(door.socket_url("/stream/postern"), proxy=None) as socket:
        assert socket.response is not None
        assert socket.response.headers["set-cookie"].startswith(f"{COOKIE}=")


async def test_a_post_that_may_have_been_shown_is_always_found(door: Served) -> None:
    async with _tab(door, new_token()) as tab:
        await tab.says("hi")
        turn = await door.hub.answer_next("hello")
    delivery = await door.hub.store.deliveries.get(f"{turn.ref.id}.0")

    assert delivery is not None
    assert delivery.receipt == delivery.id
    assert await door.hub.adapter.find(delivery) == delivery.id
