"""What was verified elsewhere reaches its door, in order, and once it is kept it is let go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.clock import SystemClock
from gateway.domain.handed import DISCORD, SLACK, Handed, was_verified
from gateway.domain.ids import WorkerId
from gateway.place import Place
from gateway.porter import ASIDE, Doors, LateAnswer, Porter, late_answer
from storage.memory import MemoryStore
from tests.fakes.patience import PATIENCE_SECONDS

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
API = "https://discord.example/api/v10"


class House:
    """Two doors that note what they get; a door answers as it was told, then with 200."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answers: dict[str, list[int]] = {SLACK: [], DISCORD: []}
        self.changed = asyncio.Event()

    async def take(self, request: Request) -> Response:
        assert was_verified(request.scope)
        told = self.answers[request.url.path]
        status = told.pop(0) if told else 200
        if status == 200:
            self.heard.append((await request.body()).decode())
            self.changed.set()
        return Response(status_code=status)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route(path, self.take, methods=["POST"]) for path in self.answers])

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.heard) < count:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
def house() -> House:
    return House()


@asynccontextmanager
async def carried(house: House, store: MemoryStore) -> AsyncGenerator[None]:
    doors = Doors(house.app, API)
    place = Place("porter", WorkerId("w"), store.leases, SystemClock())
    async with asyncio.TaskGroup() as group:
        porter = Porter(store.handed, doors.take, place, SystemClock())
        task = group.create_task(porter.run())
        yield
        task.cancel()
    await doors.close()


async def test_what_waits_is_brought_to_its_door_in_order_and_let_go(house: House) -> None:
    store = MemoryStore()
    for text in ("one", "two", "three"):
        await store.handed.keep(Handed(SLACK, (), text.encode()), NOW)

    async with carried(house, store):
        await house.until(3)
        await store.handed.keep(Handed(SLACK, (), b"four"), NOW)
        await house.until(4)

    assert house.heard == ["one", "two", "three", "four"]
    assert [kept.handed.body for kept in await store.handed.oldest(SLACK, 9)] in ([], [b"four"])


async def test_a_door_that_is_not_ready_is_asked_again_and_is_in_nobodys_way(house: House) -> None:
    store = MemoryStore()
    house.answers[SLACK] = [503, 503]
    await store.handed.keep(Handed(SLACK, (), b"slack"), NOW)
    await store.handed.keep(Handed(DISCORD, (), b"discord"), NOW)

    async with carried(house, store):
        await house.until(2)

    assert house.heard == ["discord", "slack"]


async def test_what_breaks_its_door_is_kept_for_the_next_process(house: House) -> None:
    store = MemoryStore()
    house.answers[SLACK] = [500] * 5
    await store.handed.keep(Handed(SLACK, (), b"poison"), NOW)
    await store.handed.keep(Handed(SLACK, (), b"after it"), NOW)
    async with carried(house, store):
        await house.until(1)
    (kept,) = await store.handed.oldest(ASIDE + SLACK, 9)
    before = list(house.heard)

    async with carried(house, store), asyncio.timeout(PATIENCE_SECONDS):
        while "poison" not in house.heard:
            house.changed.clear()
            await house.changed.wait()

    assert (kept.handed.body, before) == (b"poison", ["after it"])
    assert await store.handed.oldest(ASIDE + SLACK, 9) == []


async def test_what_breaks_its_door_is_let_go_after_some_tries(house: House) -> None:
    house.answers[SLACK] = [500] * 5
    doors = Doors(house.app, API)

    status = await doors.take(Handed(SLACK, (), b"poison"))

    assert (status, house.heard, house.answers[SLACK]) == (500, [], [])
    await doors.close()


def test_a_request_can_not_claim_that_it_was_verified() -> None:
    assert not was_verified({"type": "http", "headers": [(b"postern.verified", b"1")]})


ASKED = json.dumps({"application_id": "7", "token": "tok", "type": 2}).encode()


def test_a_refusal_replaces_what_discord_shows_as_thinking() -> None:
    said = json.dumps({"type": 4, "data": {"content": "Say something.", "flags": 64}}).encode()

    assert late_answer(Handed(DISCORD, (), ASKED), said, API) == LateAnswer(
        "PATCH",
        f"{API}/webhooks/7/tok/messages/@original",
        {"content": "Say something.", "flags": 64, "allowed_mentions": {"parse": []}},
    )


def test_what_a_slack_command_is_told_goes_to_its_response_url() -> None:
    command = urlencode({"command": "/ask", "response_url": "https://hooks.example/1"}).encode()

    assert late_answer(Handed(SLACK, (), command), b"Say something.", API) == LateAnswer(
        "POST", "https://hooks.example/1", {"response_type": "ephemeral", "text": "Say something."}
    )


@pytest.mark.parametrize(
    ("handed", "said"),
    [
        (Handed(DISCORD, (), ASKED), b'{"type": 5}'),
        (Handed(DISCORD, (), b"[]"), b'{"type": 4}'),
        (Handed(DISCORD, (), ASKED), b"no JSON"),
        (Handed(SLACK, (), b"command=/ask"), b"text"),
        (Handed(SLACK, (), b"response_url=https://h/1"), b""),
        (Handed(SLACK, (), b"response_url=https://h/1"), b'{"error": "x"}'),
    ],
)
def test_most_answers_need_not_be_told(handed: Handed, said: bytes) -> None:
    assert late_answer(handed, said, API) is None
