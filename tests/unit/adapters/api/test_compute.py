"""The routes under `/compute`, with real processes behind them, and who may not use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from agents.scripted import ScriptedAgents
from gateway.bootstrap.choices import access_policy, routes
from gateway.bootstrap.muscle import make_muscle
from gateway.domain.ids import WorkerId
from gateway.http import Vitals, create_app
from gateway.inbox import Inbox
from gateway.rights.access import Access
from gateway.settings import Settings
from gateway.telemetry import Metrics
from storage.memory.store import MemoryStore
from tests.unit.adapters.api.api_client import TOKEN, StillClock

DOUBLE = {"function_name": "double", "function_code": "def double(x):\n    return 2 * x"}
SETTINGS: dict[str, Any] = {"http": {"admin_token": TOKEN}, "compute": {"seconds": 10}}


@pytest.fixture
async def api() -> AsyncGenerator[httpx.AsyncClient]:
    settings, store, clock = Settings.model_validate(SETTINGS), MemoryStore(), StillClock()
    metrics = Metrics()
    access = Access(access_policy(settings), store.people, clock)
    inbox = Inbox(store, access, routes(settings), clock, metrics)
    muscle = make_muscle(settings, store, access, inbox, clock, WorkerId("local"))
    assert muscle is not None
    app = create_app(Vitals(store, ScriptedAgents(), {}), store, metrics, [muscle.router])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    working = asyncio.ensure_future(muscle.worker.run())
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=30
    ) as client:
        yield client
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_a_function_is_deployed_and_called(api: httpx.AsyncClient) -> None:
    deployed = await api.post("/compute/deploy-function", json=DOUBLE)
    assert deployed.status_code == 201
    assert deployed.json()["status"] == "registered"

    body = {"function_name": "double", "args": [21], "wait": True}
    answer = await api.post("/compute/spawn-task", json=body)

    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["result"]) == ("completed", 42)
    assert (await api.get(f"/compute/status/{told['task_id']}")).json() == told
    assert [f["function_name"] for f in (await api.get("/compute/functions")).json()["functions"]]


async def test_many_inputs_give_results_in_their_order(api: httpx.AsyncClient) -> None:
    await api.post("/compute/deploy-function", json=DOUBLE)

    body = {"function_name": "double", "inputs": [3, "a", None, 1], "wait": True}
    told = (await api.post("/compute/run-parallel", json=body)).json()

    assert (told["num_tasks"], told["status"]) == (4, "failed")
    assert [each.get("result") for each in told["results"]] == [6, "aa", None, 2]
    assert told["results"][2]["error"].startswith("TypeError")


async def test_what_went_well_is_called_completed(api: httpx.AsyncClient) -> None:
    await api.post("/compute/deploy-function", json=DOUBLE)

    body = {"function_name": "double", "inputs": [1, 2], "wait": True}
    told = (await api.post("/compute/run-parallel", json=body)).json()

    assert told["status"] == "completed"
    assert [each["status"] for each in told["results"]] == ["completed", "completed"]


async def test_a_key_of_the_header_makes_it_one_task(api: httpx.AsyncClient) -> None:
    await api.post("/compute/deploy-function", json=DOUBLE)
    body, headers = {"function_name": "double", "args": [1]}, {"Idempotency-Key": "k1"}

    answers = [await api.post("/compute/spawn-task", json=body, headers=headers) for _ in range(2)]

    assert [each.status_code for each in answers] == [202, 202]
    assert [each.json()["task_id"] for each in answers] == ["k1", "k1"]


async def test_a_task_is_taken_back(api: httpx.AsyncClient) -> None:
    slow = {"function_name": "slow", "function_code": "import time\ndef slow(): time.sleep(9)"}
    await api.post("/compute/deploy-function", json=slow)
    await api.post("/compute/spawn-task", json={"function_name": "slow", "id": "s"})

    assert (await api.post("/compute/cancel/s")).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("path", "body", "status", "why"),
    [
        ("deploy-function", {**DOUBLE, "function_code": "def ("}, 422, "can not be read"),
        ("deploy-function", {**DOUBLE, "gpu": "T4"}, 422, "gpu is not offered"),
        ("deploy-function", {**DOUBLE, "surprise": 1}, 422, "surprise"),
        ("spawn-task", {"function_name": "none"}, 422, "no function"),
        ("run-parallel", {"function_name": "double"}, 422, "inputs"),
        ("webhook", {"task_id": "x", "webhook_url": "https://e.org"}, 422, "webhook_secret"),
        ("cancel/none", {}, 404, "no task"),
        ("deploy-function", {**DOUBLE, "function_code": "#" * 4_000_000}, 413, "4,000,000"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(
    api: httpx.AsyncClient, path: str, body: dict[str, object], status: int, why: str
) -> None:
    answer = await api.post(f"/compute/{path}", json=body)

    assert (answer.status_code, why in answer.json()["error"]) == (status, True)


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x"])
async def test_nobody_comes_in_without_the_token(api: httpx.AsyncClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}

    answers = [
        await api.post("/compute/deploy-function", json=DOUBLE, headers=headers),
        await api.get("/compute/status/x", headers=headers),
        await api.post("/compute/cancel/x", headers=headers),
    ]

    assert [each.status_code for each in answers] == [401] * 3


@pytest.mark.parametrize(
    "settings", [{}, {"http": {"admin_token": TOKEN}, "compute": {"on": False}}]
)
def test_without_a_token_or_turned_off_there_is_nothing(settings: dict[str, object]) -> None:
    read, store = Settings.model_validate(settings), MemoryStore()
    access = Access(access_policy(read), store.people, StillClock())
    inbox = Inbox(store, access, routes(read), StillClock(), Metrics())

    assert make_muscle(read, store, access, inbox, StillClock(), WorkerId("local")) is None
