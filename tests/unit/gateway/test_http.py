"""What operators and load balancers ask the gateway over HTTP."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from agents.scripted import ScriptedAgents
from gateway.errors import BadInput, SettingsWrong, StoreUnavailable
from gateway.http import Vitals, create_app, listen
from gateway.ports import Health
from gateway.telemetry import Metrics
from storage.memory.store import MemoryStore


class Parts:
    """What the app under test is made of."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.agents = ScriptedAgents()
        self.channels = {"slack": lambda: Health(is_ready=False, sentence="connecting")}

    def client(self, *routers: APIRouter, admin_token: str | None = None) -> httpx.AsyncClient:
        """Return a client that calls the app without a socket."""
        vitals = Vitals(self.store, self.agents, self.channels)
        app = create_app(vitals, self.store, Metrics(), routers, admin_token)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.fixture
async def parts() -> AsyncGenerator[Parts]:
    parts = Parts()
    await parts.store.open()
    yield parts
    await parts.store.close()


async def test_it_is_ready_while_a_channel_still_connects(parts: Parts) -> None:
    async with parts.client() as client:
        answer = await client.get("/ready")

    assert answer.status_code == 200
    assert answer.json()["channels"] == {"slack": {"ready": False, "state": "connecting"}}


async def test_it_is_not_ready_while_the_agents_are_down(parts: Parts) -> None:
    parts.agents.go_down()

    async with parts.client() as client:
        ready, health = await client.get("/ready"), await client.get("/health")

    assert ready.status_code == 503
    assert ready.json()["runtime"] == {"ready": False, "state": "The agents are down."}
    assert health.status_code == 200


class PlainDoor:
    """An ASGI app of its own, as a platform's door is."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._error is not None:
            raise self._error
        request = Request(scope, receive)
        await PlainTextResponse(await request.body())(scope, receive, send)

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_route("/events", self, ["POST"])  # pyright: ignore[reportArgumentType] - it knows of functions only
        return router


async def test_a_plain_door_answers_what_is_its_own(parts: Parts) -> None:
    async with parts.client(PlainDoor().router()) as client:
        answer = await client.post("/events?twice=1", content=b"hello")
        other_way, elsewhere = await client.get("/events"), await client.post("/events/more")

    assert (answer.status_code, answer.text) == (200, "hello")
    assert (other_way.status_code, elsewhere.status_code) == (405, 404)


async def test_a_plain_door_that_can_not_store_is_asked_again(parts: Parts) -> None:
    door = PlainDoor(StoreUnavailable("The disk is full."))

    async with parts.client(door.router()) as client:
        answer = await client.post("/events")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert "The disk is full." in answer.json()["error"]


async def test_a_plain_door_that_fails_is_an_error_of_the_server(parts: Parts) -> None:
    async with parts.client(PlainDoor(RuntimeError("a bug")).router()) as client:
        answer = await client.post("/events")

    assert answer.status_code == 500


async def test_metrics_tell_what_waits(parts: Parts) -> None:
    async with parts.client() as client:
        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "postern_lanes_ready 0.0" in answer.text
    assert 'postern_channel_ready{platform="slack"} 0.0' in answer.text


async def test_with_an_admin_token_metrics_ask_for_it(parts: Parts) -> None:
    async with parts.client(admin_token="s3cret") as client:
        refused = await client.get("/metrics")
        given = await client.get("/metrics", headers={"Authorization": "Bearer s3cret"})

    assert refused.status_code == 401
    assert "admin token" in refused.json()["error"]
    assert given.status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (BadInput("Too long."), 422, "Too long."),
        (StoreUnavailable("The disk is full."), 503, "The disk is full. Try again in a moment"),
    ],
)
async def test_every_refusal_is_a_sentence(
    parts: Parts, error: Exception, status: int, sentence: str
) -> None:
    router = APIRouter()

    async def fail() -> None:
        raise error

    router.add_api_route("/fail", fail)
    async with parts.client(router) as client:
        answer = await client.get("/fail")

    assert answer.status_code == status
    assert answer.json()["error"].startswith(sentence)


async def test_an_unknown_path_is_answered_in_the_same_form(parts: Parts) -> None:
    async with parts.client() as client:
        answer = await client.get("/nothing")

    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})


def test_a_port_in_use_is_refused_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsWrong, match=f"Port {port} on 127.0.0.1 can not be used"):
            listen("127.0.0.1", port)
