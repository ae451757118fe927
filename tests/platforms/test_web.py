"""Real HTTP and WebSocket clients at the web door, over a real store."""

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

from adapters.web.guard import WebOptions
from adapters.web.pages import FRAMES_LIMIT, Frame
from adapters.web.sessions import COOKIE, new_token, visitor_of
from adapters.web.stream import MISSED_LIMIT
from gateway.domain.conversations import Conversation
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


@contextlib.asynccontextmanager
async def _browser(door: Served) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=door.url, timeout=10) as client:
        await client.get("/")
        yield client


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
        async with asyncio.timeout(10):
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


# -- POST /chat ----------------------------------------------------------------------------------


async def _chat(client: httpx.AsyncClient, text: str, **headers: str) -> httpx.Response:
    body = {"agent_id": "postern", "message": text}
    return await client.post("/chat", json=body, headers=headers)


async def test_chat_waits_for_all_answers_of_its_turn(door: Served) -> None:
    async with _browser(door) as ada, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(_chat(ada, "hi"))
        turn = await door.hub.answer_next("one", "two")

    assert asked.result().status_code == 200
    assert asked.result().json() == {
        "agent_id": "postern",
        "messages": [
            {"id": f"{turn.ref.id}.0", "role": "assistant", "text": "one"},
            {"id": f"{turn.ref.id}.1", "role": "assistant", "text": "two"},
        ],
    }


async def test_chat_never_returns_the_answer_of_an_earlier_turn(door: Served) -> None:
    async with _browser(door) as ada, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_chat(ada, "one", **{"Idempotency-Key": "k1"}))
        running = await door.hub.next_turn()
        second = tasks.create_task(_chat(ada, "two", **{"Idempotency-Key": "k2"}))
        await door.hub.has_accepted(2)
        await door.hub.finish(running, "to one")
        await door.hub.answer_next("to two")

    assert [m["text"] for m in first.result().json()["messages"]] == ["to one"]
    assert [m["text"] for m in second.result().json()["messages"]] == ["to two"]


async def test_the_same_idempotency_key_is_one_turn_and_one_answer(door: Served) -> None:
    async with _browser(door) as ada, asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(_chat(ada, "hi", **{"Idempotency-Key": "k"})) for _ in range(20)]
        await door.hub.answer_next("once")

    async with _browser(door) as other:
        other.cookies = ada.cookies
        again = await _chat(other, "hi", **{"Idempotency-Key": "k"})
    assert len(door.hub.accepted) == 1
    assert {task.result().text for task in asked} == {again.text}


async def test_two_users_may_choose_the_same_key(door: Served) -> None:
    async with _browser(door) as ada, _browser(door) as bob, asyncio.TaskGroup() as tasks:
        hers = tasks.create_task(_chat(ada, "I am ada", **{"Idempotency-Key": "1"}))
        await door.hub.answer_next("hello ada")
        his = tasks.create_task(_chat(bob, "I am bob", **{"Idempotency-Key": "1"}))
        await door.hub.answer_next("hello bob")

    assert "hello ada" in hers.result().text
    assert "hello bob" in his.result().text
    assert "ada" not in his.result().text


async def test_chat_says_where_to_look_when_the_answer_takes_long(server: WebServer) -> None:
    options = WebOptions(answer_seconds=0.05)
    async with server.serving(WebHub(), options) as door, _browser(door) as ada:
        response = await _chat(ada, "hi", **{"Idempotency-Key": "k"})
        await door.hub.answer_next("at last")
        later = await ada.get(response.json()["poll"])
        again = await _chat(ada, "hi", **{"Idempotency-Key": "k"})

    assert response.status_code == 202
    assert response.headers["idempotency-key"] == "k"
    assert [m["text"] for m in later.json()["messages"]] == ["hi", "at last"]
    assert [m["text"] for m in again.json()["messages"]] == ["at last"]


async def test_chat_speaks_for_others_with_the_admin_token_only(door: Served) -> None:
    body = {"agent_id": "postern", "message": "hi", "user_id": "ada"}
    async with _browser(door) as client, asyncio.TaskGroup() as tasks:
        refused = await client.post("/chat", json=body)
        wrong = await client.post("/chat", json=body, headers={"Authorization": "Bearer x"})
        spoken = tasks.create_task(client.post("/chat", json=body, headers=ADMIN))
        turn = await door.hub.answer_next("hello")

    assert (refused.status_code, wrong.status_code) == (403, 401)
    assert spoken.result().status_code == 200
    assert turn.conversation.id == "web:postern:ada"
    assert turn.messages[0].sender.identity.key == "web:local:ada"


async def test_history_of_others_is_for_the_admin_token_only(door: Served) -> None:
    async with _browser(door) as client:
        refused = await client.get("/history/postern?user_id=ada")
        allowed = await client.get("/history/postern?user_id=ada", headers=ADMIN)

    assert (refused.status_code, allowed.status_code) == (403, 200)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 422, "The body is not valid JSON."),
        (b'{"agent_id": "postern"}', 422, '"message" is missing.'),
        (b'{"agent_id": "postern", "message": ""}', 422, "The message is empty."),
        (b'{"agent_id": "nobody", "message": "x"}', 404, 'There is no agent "nobody" here.'),
        (b'{"agent_id": "a/../b", "message": "x"}', 422, '"agent_id" must be the name'),
        (b" " * 1_000_001, 413, "The body is over 1,000,000 bytes."),
    ],
)
async def test_a_wrong_request_gets_one_sentence(
    door: Served, body: bytes, status: int, sentence: str
) -> None:
    async with _browser(door) as client:
        response = await client.post("/chat", content=body)

    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert response.json()["error"].startswith(sentence)
    assert door.hub.accepted == []


async def test_nothing_is_acknowledged_that_is_not_stored(door: Served) -> None:
    door.hub.is_down = True
    async with _browser(door) as client:
        response = await _chat(client, "hi")

    assert response.status_code == 503
    assert response.json() == {"error": "The database is away."}


async def test_before_the_gateway_runs_it_says_so(server: WebServer) -> None:
    async with server.serving(WebHub(), is_running=False) as door, _browser(door) as client:
        response = await _chat(client, "hi")

    assert response.status_code == 503
    assert "starting or stopping" in response.json()["error"]


# -- the page, agents, history -------------------------------------------------------------------


async def test_the_page_and_its_parts_need_nothing_from_elsewhere(door: Served) -> None:
    async with httpx.AsyncClient(base_url=door.url) as client:
        page = await client.get("/")
        parts = [await client.get(f"/static/{name}") for name in ("app.js", "style.css")]
        unknown = await client.get("/static/nothing.js")
        same = await client.get("/", headers={"If-None-Match": page.headers["etag"]})

    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'"
    )
    assert "HttpOnly; SameSite=Strict" in page.headers["set-cookie"]
    assert [part.status_code for part in parts] == [200, 200]
    assert not any("http://" in part.text or "https://" in part.text for part in parts)
    assert (unknown.status_code, same.status_code) == (404, 304)


async def test_a_browser_stays_the_same_person(door: Served) -> None:
    async with _browser(door) as client:
        before = client.cookies[COOKIE]
        await client.get("/")
        assert client.cookies[COOKIE] == before


async def test_agents_are_listed_the_default_one_first(door: Served) -> None:
    async with httpx.AsyncClient(base_url=door.url) as client:
        response = await client.get("/agents")

    assert response.json() == {"agents": [{"id": "postern"}, {"id": "muse"}]}


async def test_history_is_read_page_by_page_oldest_first(door: Served) -> None:
    async with _browser(door) as ada:
        for number in range(3):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_chat(ada, f"question {number}"))
                await door.hub.answer_next(f"*answer* {number}")
        newest = (await ada.get("/history/postern?limit=2")).json()["messages"]
        cursor = newest[0]["cursor"]
        older = (await ada.get(f"/history/postern?limit=10&before={cursor}")).json()["messages"]

    assert [m["text"] for m in newest] == ["question 2", "*answer* 2"]
    assert newest[1]["html"] == "<p><em>answer</em> 2</p>\n"
    assert [m["text"] for m in older] == [
        *("question 0", "*answer* 0", "question 1", "*answer* 1"),
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/history/nobody", 404),
        ("/history/a%2Fb", 422),
        ("/history/" + "x" * 65, 422),
        ("/history/postern?limit=many", 422),
    ],
)
async def test_a_wrong_history_request_gets_one_sentence(
    door: Served, path: str, status: int
) -> None:
    async with _browser(door) as client:
        response = await client.get(path)

    assert response.status_code == status
    assert list(response.json()) == ["error"]


async def test_foreign_pages_and_names_are_turned_away(door: Served) -> None:
    async with _browser(door) as client:
        forged = await _chat(client, "hi", Origin="https://evil.example")
        rebound = await client.get("/history/postern", headers={"Host": "evil.example"})

    assert (forged.status_code, rebound.status_code) == (403, 421)
    assert door.hub.accepted == []


# -- WS /stream ----------------------------------------------------------------------------------


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


async def test_who_missed_too_much_gets_the_end_and_reads_the_rest(door: Served) -> None:
    token = new_token()
    headers = {"Cookie": f"{COOKIE}={token}"}
    async with httpx.AsyncClient(base_url=door.url, headers=headers) as ada:
        for number in range(MISSED_LIMIT // 2 + 1):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_chat(ada, f"question {number}"))
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
