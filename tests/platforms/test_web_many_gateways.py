"""A page that is open in one gateway, while another one answers: real sockets, one Postgres."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from adapters.web.sessions import COOKIE, new_token
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from storage.postgres import PoolOptions, PostgresStore
from storage.postgres.client import connect as connect_to
from storage.postgres.database import ADD_AUDIT
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.postgres import postgres_schema
from tests.platforms.web_hub import ADMIN_TOKEN, WORKER, Served, WebHub, WebServer


@asynccontextmanager
async def _two(*, is_listening: bool = True) -> AsyncGenerator[tuple[Served, Served]]:
    """Serve two gateways, each with a store of its own on one database."""
    async with postgres_schema() as url, AsyncExitStack() as stack:
        here, there = [await _gateway(stack, url, is_listening=is_listening) for _ in range(2)]
        yield here, there


async def _gateway(stack: AsyncExitStack, url: str, *, is_listening: bool = True) -> Served:
    store = PostgresStore(url, PoolOptions(4), is_listening=is_listening)
    await store.open()
    stack.push_async_callback(store.close)
    server = await stack.enter_async_context(WebServer().running())
    return await stack.enter_async_context(server.serving(WebHub(store, is_shared=True)))


@asynccontextmanager
async def _page(door: Served, token: str) -> AsyncGenerator[ClientConnection]:
    headers = {"Cookie": f"{COOKIE}={token}", "Origin": door.url}
    url = door.socket_url("/stream/postern")
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        assert (await _next(socket))["type"] == "hello"
        yield socket


async def _next(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return json.loads(await socket.recv())


async def _says(socket: ClientConnection, text: str) -> None:
    await socket.send(json.dumps({"type": "message", "id": text.replace(" ", "-"), "text": text}))


async def _until(socket: ClientConnection, last: str) -> list[str]:
    """Return the texts of all messages that the page is told of, up to the last one."""
    told: list[str] = []
    while last not in told:
        frame = await _next(socket)
        if frame["type"] == "message":
            told.append(frame["text"])
    return told


async def _answers(socket: ClientConnection, last: str) -> list[str]:
    """Return the answers that the page is told of, up to the last one, and what comes at once."""
    heard: list[str] = []
    while last not in heard:
        frame = await _next(socket)
        if frame["type"] == "message" and frame["role"] == "assistant":
            heard.append(frame["text"])
    return heard


@pytest.mark.parametrize("is_listening", [True, False])
async def test_an_open_page_shows_each_answer_once_and_in_order_whoever_gave_it(
    is_listening: bool,
) -> None:
    async with _two(is_listening=is_listening) as (here, there), _page(here, new_token()) as page:
        for number, door in enumerate([there, here, there, here], start=1):
            await _says(page, f"question {number}")
            await here.hub.has_accepted(number)
            await door.hub.answer_next(f"answer {number}")
            if number < 4:
                assert await _answers(page, f"answer {number}") == [f"answer {number}"]

        assert await _answers(page, "answer 4") == ["answer 4"]


async def test_what_was_written_on_another_gateways_page_is_shown_here_at_once_and_once() -> None:
    token = new_token()
    async with _two() as (here, there), _page(here, token) as mine, _page(there, token) as other:
        await _says(other, "from there")
        first = [await _until(page, "from there") for page in (mine, other)]
        await _says(mine, "from here")
        then = [await _until(page, "from here") for page in (mine, other)]
        await there.hub.answer_next("to both")
        last = [await _until(page, "to both") for page in (mine, other)]

    assert [first, then, last] == [[[text]] * 2 for text in ("from there", "from here", "to both")]


async def test_answers_that_nobody_waited_for_keep_their_order_and_come_once() -> None:
    async with _two() as (here, there), _page(here, new_token()) as page:
        await _says(page, "tell me all")
        await here.hub.has_accepted(1)
        turn = await there.hub.next_turn()
        await there.hub.finish(turn, "one", "two", "three")
        heard = await _answers(page, "three")
        await _says(page, "and the end")
        await here.hub.has_accepted(2)
        await here.hub.answer_next("the end")

        assert [*heard, *await _answers(page, "the end")] == ["one", "two", "three", "the end"]


async def test_a_draft_shown_here_is_ended_by_the_gateway_that_took_over() -> None:
    async with _two() as (here, there), _page(here, new_token()) as page:
        await _says(page, "work hard")
        await here.hub.has_accepted(1)
        turn = await here.hub.next_turn()
        await here.hub.stream(turn, "I am at")
        draft = await _next(page)
        while draft["type"] != "draft":
            draft = await _next(page)

        await there.hub.finish(turn, "I am at the end")

        frame = await _next(page)
        while frame["type"] != "message" or frame["role"] != "assistant":
            frame = await _next(page)
        assert (frame["id"], frame["text"]) == (draft["id"], "I am at the end")


async def test_an_answer_whose_gateway_died_is_given_once_by_the_one_that_took_over() -> None:
    async with _two() as (here, there), _page(here, new_token()) as page:
        await _says(page, "work hard")
        await here.hub.has_accepted(1)
        lost = await there.hub.next_turn()
        await there.hub.stream(lost, "I am at")

        await here.hub.store.turns.recover(here.hub.clock.now(), predecessor=WORKER)
        await here.hub.answer_next("I am at the end")

        assert await _answers(page, "I am at the end") == ["I am at the end"]


async def test_a_page_is_told_nothing_of_anothers_answers() -> None:
    async with (
        _two() as (here, there),
        _page(here, new_token()) as ada,
        _page(here, new_token()) as bob,
    ):
        await _says(ada, "a secret")
        await here.hub.has_accepted(1)
        await there.hub.answer_next("for ada alone")
        assert await _answers(ada, "for ada alone") == ["for ada alone"]
        await _says(bob, "hello")
        await here.hub.has_accepted(2)
        await there.hub.answer_next("for bob")

        assert await _until(bob, "for bob") == ["hello", "for bob"]


async def test_events_begin_behind_all_that_is_being_written() -> None:
    """Numbers of the log are drawn before the commit: the newest may not be the last to come."""
    async with postgres_schema() as url, AsyncExitStack() as stack:
        door = await _gateway(stack, url)
        now, place = door.hub.clock.now(), Conversation("web", "postern", "ada")
        other = await connect_to(url)
        stack.push_async_callback(other.close)
        client = httpx.AsyncClient(base_url=door.url, headers=ADMIN, timeout=PATIENCE_SECONDS)
        await stack.enter_async_context(client)

        async with asyncio.TaskGroup() as tasks, other.transaction():
            await other.execute(ADD_AUDIT, [now], ["delivery.stored"], [place.id], ["x"], ["{}"])
            posts = [NewDelivery(DeliveryId("post-1"), place, "later, and there at once")]
            await door.hub.store.deliveries.enqueue(posts, now)
            begun = tasks.create_task(_first_event(client))
            while not await other.fetchval(WAITERS):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.01)
            assert not begun.done()
        entries = await door.hub.store.history.audit(0, 10)

    written = [entry.sequence for entry in entries]
    assert [entry.ref for entry in entries][:2] == ["x", "post-1"]
    assert begun.result() == f"id: 1-{max(written)}"


ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
WAITERS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def _first_event(client: httpx.AsyncClient) -> str:
    """Return the id of the first event of a stream."""
    async with client.stream("GET", "/events/postern?user_id=ada") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                return line
    raise AssertionError("The stream ended.")
