"""A program follows its person's conversation by server-sent events, and comes back to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapters.web.events import AT_ONCE
from adapters.web.guard import WebOptions
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery, Sent
from gateway.domain.ids import DeliveryId, PlatformMessageId, WorkerId
from gateway.domain.people import Identity, person_id_of
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.test_web_tokens import program
from tests.platforms.web_hub import ADMIN_TOKEN, Served, WebHub, WebServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADA = Identity("web", "local", "ada")
HOME = Conversation("web", "postern", "ada")
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


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


@dataclass
class Reader:
    """Reads the events of one stream, as a browser's EventSource does."""

    lines: AsyncIterator[str]
    last_id: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def next(self) -> dict[str, Any]:
        """Return what the next event says."""
        found: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "data" not in found:
                name, _, value = (await anext(self.lines)).partition(": ")
                found |= {name: value} if name in ("id", "event", "data") else {}
        self.last_id = found.get("id", self.last_id)
        said = json.loads(found["data"])
        assert said["type"] == found["event"]
        self.seen.append(said)
        return said

    async def until(self, text: str) -> list[dict[str, Any]]:
        """Read until a whole message has this text; returns all events up to it."""
        count = len(self.seen)
        while (said := await self.next()).get("text") != text or said["type"] != "message":
            continue
        return self.seen[count:]


@contextlib.asynccontextmanager
async def follows(
    client: httpx.AsyncClient, last_id: str = "", query: str = ""
) -> AsyncGenerator[Reader]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    async with client.stream("GET", f"/events/postern{query}", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Reader(response.aiter_lines())


async def _says(client: httpx.AsyncClient, door: Served, text: str, answer: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.post("/chat", json={"agent_id": "postern", "message": text}))
        await door.hub.answer_next(answer)


async def test_a_program_follows_what_is_said_and_answered(door: Served) -> None:
    async with program(door, ADA) as client, follows(client) as reader:
        hello = await reader.next()
        async with asyncio.TaskGroup() as tasks:
            asked = client.post("/chat", json={"agent_id": "postern", "message": "hi"})
            tasks.create_task(asked)
            said = await reader.next()
            turn = await door.hub.next_turn()
            await door.hub.stream(turn, "Hel")
            draft = await reader.next()
            await door.hub.finish(turn, "Hello.")
            answered = await reader.until("Hello.")

    assert hello == {"type": "hello", "gap": False}
    assert (said["type"], said["role"], said["text"]) == ("message", "user", "hi")
    assert draft == {"type": "draft", "id": f"{turn.ref.id}.0", "text": "Hel"}
    assert [each["text"] for each in answered if each["type"] == "message"] == ["Hello."]
    assert answered[-1]["id"] == draft["id"]
    assert answered[-1]["role"] == "assistant"


async def test_what_was_missed_comes_once_and_in_order(door: Served) -> None:
    async with program(door, ADA) as client:
        async with follows(client) as reader:
            await reader.next()
            await _says(client, door, "one", "to one")
            await reader.until("to one")
        for word in ("two", "three"):
            await _says(client, door, word, f"to {word}")
        async with follows(client, reader.last_id) as again:
            assert (await again.next())["gap"] is False
            missed = await again.until("to three")
            await _says(client, door, "four", "to four")
            live = await again.until("to four")

    texts = [said["text"] for said in missed]
    assert texts == ["two", "to two", "three", "to three"]
    assert [said["text"] for said in live if said["type"] == "message"] == ["four", "to four"]


async def test_each_event_can_be_the_last_one(door: Served) -> None:
    texts = ["one", "to one", "two", "to two", "three", "to three"]
    async with program(door, ADA) as client:
        async with follows(client) as reader:
            await reader.next()
            ids = [reader.last_id]
            for word in ("one", "two", "three"):
                await _says(client, door, word, f"to {word}")
            while len(ids) <= len(texts):
                if (await reader.next())["type"] == "message":
                    ids.append(reader.last_id)
        for count, last_id in enumerate(ids[:-1]):
            async with follows(client, last_id) as again:
                await again.next()
                seen = await again.until("to three")
            assert [said["text"] for said in seen] == texts[count:]


async def test_more_than_one_look_can_read_is_missed_nowhere(door: Served) -> None:
    async with program(door, ADA) as client:
        async with follows(client) as reader:
            await reader.next()
        posts = [
            NewDelivery(DeliveryId(f"post-{n}"), HOME, f"post {n}") for n in range(AT_ONCE + 30)
        ]
        await door.hub.store.deliveries.enqueue(posts, door.hub.clock.now())
        async with follows(client, reader.last_id) as again:
            await again.next()
            seen = await again.until(f"post {AT_ONCE + 29}")

    assert [said["text"] for said in seen] == [post.text for post in posts]


async def test_an_edited_post_comes_again_with_its_new_text(door: Served) -> None:
    post = NewDelivery(DeliveryId("post-1"), HOME, "before")
    async with program(door, ADA) as client, follows(client) as reader:
        await reader.next()
        await door.hub.post(post)
        first = (await reader.until("before"))[-1]
        await door.hub.revise(post, "after")
        second = (await reader.until("after"))[-1]

    assert first["id"] == second["id"] == "post-1"


async def test_no_event_of_one_person_reaches_another(door: Served) -> None:
    async with (
        program(door, ADA) as ada,
        httpx.AsyncClient(base_url=door.url, headers=ADMIN, timeout=PATIENCE_SECONDS) as admin,
        follows(ada) as reader,
    ):
        await reader.next()
        body = {"agent_id": "postern", "message": "bob's secret", "user_id": "bob"}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(admin.post("/chat", json=body))
            await door.hub.answer_next("to bob")
        await _says(ada, door, "mine", "to ada")
        await reader.until("to ada")
        others = await ada.get("/events/postern?user_id=bob")

    assert "bob" not in json.dumps(reader.seen)
    assert others.status_code == 403


async def test_conversations_are_followed_one_by_one(door: Served) -> None:
    async with program(door, ADA) as client, follows(client, query="?conversation=trip") as reader:
        await reader.next()
        await _says(client, door, "in the main one", "there")
        trip = replace(HOME, thread="trip")
        await door.hub.post(NewDelivery(DeliveryId("post-1"), trip, "here"))
        seen = await reader.until("here")

    assert [said["text"] for said in seen] == ["here"]


async def test_what_is_not_kept_any_more_is_said(door: Served) -> None:
    async with program(door, ADA) as client:
        async with follows(client) as reader:
            await reader.next()
        await _says(client, door, "one", "to one")
        now = door.hub.clock.now()
        while await door.hub.store.history.retain_audit(now, 1_000):
            continue
        await _says(client, door, "two", "to two")
        async with follows(client, reader.last_id) as again:
            hello = await again.next()
        async with follows(client, "0-999999") as elsewhere:
            foreign = await elsewhere.next()

    assert hello["gap"] is True
    assert foreign["gap"] is True


async def test_nothing_is_missed_when_all_is_kept_from_there_on(door: Served) -> None:
    history = door.hub.store.history
    async with program(door, ADA) as client:
        async with follows(client) as reader:
            await reader.next()
            await _says(client, door, "one", "to one")
            await reader.until("to one")
        last = int(reader.last_id.partition("-")[2])
        while (await history.audit(0, 1))[0].sequence <= last:
            await history.retain_audit(door.hub.clock.now(), 1)
        async with follows(client, reader.last_id) as again:
            hello = await again.next()

    assert hello["gap"] is False


async def test_no_draft_comes_of_what_is_told_already(door: Served) -> None:
    """A gateway that lost a turn may go on for a moment, while another one ends it."""
    async with program(door, ADA) as client, follows(client) as reader:
        await reader.next()
        told = NewDelivery(DeliveryId("post-1"), HOME, "the answer")
        await _posts_elsewhere(door, told)
        await door.hub.post(NewDelivery(DeliveryId("post-2"), HOME, "and this"))
        await reader.until("and this")
        delivery = await door.hub.store.deliveries.get(told.id)
        assert delivery is not None
        await door.hub.adapter.show_draft(delivery, "the ans")
        await door.hub.adapter.show_draft(replace(delivery, id=DeliveryId("post-3")), "another")
        draft = await reader.next()

    assert (draft["type"], draft["id"]) == ("draft", "post-3")


async def _posts_elsewhere(door: Served, post: NewDelivery) -> None:
    """Let another gateway post it: nobody tells this one's pages."""
    deliveries, now = door.hub.store.deliveries, door.hub.clock.now()
    await deliveries.enqueue([post], now)
    claim = await deliveries.claim(WorkerId("other"), ["web"], 10, timedelta(minutes=5), now)
    for delivery in claim.deliveries:
        await deliveries.settle(delivery, Sent(PlatformMessageId(delivery.id)), now)


async def test_a_stream_ends_when_the_gateway_stops(door: Served) -> None:
    async with program(door, ADA) as client, follows(client) as reader:
        await reader.next()
        door.hub.adapter.pages.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            rest = [line async for line in reader.lines]

    assert not any(line.startswith("event") for line in rest)


async def test_a_stream_ends_when_its_token_does(server: WebServer) -> None:
    options = WebOptions(admin_token=ADMIN_TOKEN, quiet_seconds=0.05)
    async with server.serving(WebHub(), options) as door, program(door, ADA) as client:
        await _says(client, door, "hi", "hello")
        async with follows(client) as reader:
            await reader.next()
            now = door.hub.clock.now()
            assert await door.hub.store.tokens.revoke(person_id_of(ADA), "tok-1", now)
            async with asyncio.timeout(PATIENCE_SECONDS):
                rest = [line async for line in reader.lines]
        again = await client.get("/events/postern")

    assert not any(line.startswith("event") for line in rest)
    assert again.status_code == 401


async def test_a_wrong_request_gets_one_sentence(door: Served) -> None:
    async with program(door, ADA) as client:
        wrong = await client.get("/events/postern", headers={"Last-Event-ID": "x"})
        nobody = await client.get("/events/nobody")
        nowhere = await client.get("/events/postern?conversation=a:b")
    async with httpx.AsyncClient(base_url=door.url) as stranger:
        unknown = await stranger.get("/events/postern")

    assert (wrong.status_code, nowhere.status_code) == (422, 422)
    assert (nobody.status_code, unknown.status_code) == (404, 401)
