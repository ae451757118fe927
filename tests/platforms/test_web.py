"""Real HTTP clients at the web door, over a real store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio

from adapters.web.guard import WebOptions
from adapters.web.sessions import COOKIE
from gateway.domain.people import Standing
from gateway.domain.turns import TurnOutcome, TurnState
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


@contextlib.asynccontextmanager
async def _browser(door: Served) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=door.url, timeout=PATIENCE_SECONDS) as client:
        await client.get("/")
        yield client


# -- POST /chat ----------------------------------------------------------------------------------


async def _chat(client: httpx.AsyncClient, text: str, **headers: str) -> httpx.Response:
    body = {"agent_id": "postern", "message": text}
    return await client.post("/chat", json=body, headers=headers)


async def test_chat_says_at_once_that_nobody_hears_who_is_not_listed(door: Served) -> None:
    door.hub.standing = Standing.UNLISTED
    async with _browser(door) as ada:
        refused = await _chat(ada, "hi")

    assert refused.status_code == 403
    assert 'access.allow in their settings: "web:local:' in refused.json()["error"]
    # The gateway has heard of it all the same: its log says who was turned away.
    assert [message.text for message in door.hub.accepted] == ["hi"]


async def test_chat_waits_for_all_answers_of_its_turn(door: Served) -> None:
    async with _browser(door) as ada, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(_chat(ada, "hi"))
        turn = await door.hub.answer_next("one", "two")

    said = {"role": "assistant", "message_type": "assistant_message"}
    assert asked.result().status_code == 200
    assert asked.result().json() == {
        "agent_id": "postern",
        "messages": [
            {**said, "id": f"{turn.ref.id}.{index}", "text": text, "content": text}
            for index, text in enumerate(("one", "two"))
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
    assert "hello ada" not in his.result().text


async def test_chat_says_where_to_look_when_the_answer_takes_long(server: WebServer) -> None:
    hub, options = WebHub(), WebOptions(answer_seconds=0.05)
    async with server.serving(hub, options) as door, _browser(door) as ada:
        response = await _chat(ada, "hi", **{"Idempotency-Key": "k"})
        cookies = ada.cookies
    async with server.serving(hub) as door, _browser(door) as ada:
        ada.cookies = cookies
        await hub.answer_next("at last")
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
    assert response.headers["retry-after"] == "2"


async def test_chat_hears_of_an_answer_that_nobody_told(door: Served) -> None:
    """Another process may have ended the turn, with nothing to show."""
    async with _browser(door) as client, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(_chat(client, "hi"))
        turn = await door.hub.next_turn()
        ended = TurnOutcome(TurnState.DONE, ())
        await door.hub.store.turns.finish(turn.ref, ended, door.hub.clock.now())

    assert (asked.result().status_code, asked.result().json()["messages"]) == (200, [])


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
        known = {"If-None-Match": parts[0].headers["etag"]}
        same = await client.get("/static/app.js", headers=known)

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


async def test_behind_tls_the_cookie_is_for_tls_alone(server: WebServer) -> None:
    options = WebOptions(public_url="https://chat.example.org")
    async with (
        server.serving(WebHub(), options) as door,
        httpx.AsyncClient(base_url=door.url) as client,
    ):
        outside = await client.get("/", headers={"Host": "chat.example.org"})
        inside = await client.get("/")

    assert outside.headers["set-cookie"].endswith("; Secure")
    assert "Secure" not in inside.headers["set-cookie"]


async def test_agents_are_listed_the_default_one_first(door: Served) -> None:
    async with httpx.AsyncClient(base_url=door.url) as client:
        response = await client.get("/agents")

    assert response.json() == [{"id": name, "name": name} for name in ("postern", "muse")]


async def test_an_agent_of_others_is_named_to_nobody_else(server: WebServer) -> None:
    hub = WebHub()
    hub.access = {"muse": frozenset({"web:local:ada"})}
    async with (
        server.serving(hub) as door,
        _browser(door) as stranger,
        httpx.AsyncClient(base_url=door.url) as new,
    ):
        hers = await stranger.get("/agents", params={"user_id": "ada"}, headers=ADMIN)
        theirs = await stranger.get("/agents")
        wrong = await stranger.get("/history/painter")
        without_cookie = await new.get("/agents")

    assert [agent["id"] for agent in hers.json()] == ["postern", "muse"]
    assert [agent["id"] for agent in theirs.json()] == ["postern"]
    assert theirs.json() == without_cookie.json()
    assert wrong.json() == {"error": 'There is no agent "painter" here. There is "postern".'}


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
