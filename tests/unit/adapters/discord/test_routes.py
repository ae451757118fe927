"""The door for interactions: whatever comes through it signed, it is answered."""

from __future__ import annotations

import json
import random
from typing import Any, cast

import httpx
from fastapi import FastAPI
from nacl.signing import SigningKey
from starlette.routing import Route

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.options import DiscordOptions
from adapters.discord.routes import make_router
from gateway.clock import SystemClock
from gateway.commands import SPECS
from gateway.domain.conversations import Conversation
from tests.unit.adapters.discord.shapes import interaction

KEY = SigningKey(b"\7" * 32)
PRESSED = {"type": 3, "data": {"custom_id": "x:y", "component_type": 2}, "message": {"flags": 64}}
WRITTEN = {"type": 18, "component": {"type": 4, "custom_id": "text", "value": "hello"}}
ASKED = [
    interaction().model_dump(),
    interaction(**PRESSED).model_dump(),
    interaction(type=5, data={"custom_id": "ask", "components": [WRITTEN]}).model_dump(),
    interaction(type=4).model_dump(),
]
JUNK: list[object] = [
    None, True, 0, -1, 1.5, 10**30, "", "9" * 20, "9" * 400, "\ud800", "\0", "٣", [], {}, [[]],
]  # fmt: skip


async def test_whatever_is_signed_gets_an_answer() -> None:
    chance = random.Random(4)
    adapter = DiscordAdapter(DiscordOptions("t", no_events, commands=SPECS), SystemClock())
    app = FastAPI()
    app.include_router(make_router(adapter, KEY.verify_key.encode().hex()))
    transport = httpx.ASGITransport(app=app)

    answers: list[httpx.Response] = []
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        for _ in range(400):
            body = json.dumps(spoiled(chance.choice(ASKED), chance)).encode()
            asked = client.post("/discord/interactions", content=body, headers=signed(body))
            answers.append(await asked)

    assert {answer.status_code for answer in answers} == {200, 400}
    assert all(answer.json() for answer in answers)


def test_nothing_stands_between_the_server_and_the_door() -> None:
    adapter = DiscordAdapter(DiscordOptions("t", no_events, commands=SPECS), SystemClock())

    (route,) = make_router(adapter, KEY.verify_key.encode().hex()).routes

    assert isinstance(route, Route)
    assert route.app is route.endpoint


def spoiled(node: object, chance: random.Random) -> object:
    """Return the JSON with some of its values replaced, and some left out."""
    if chance.random() < 0.04:
        return chance.choice(JUNK)
    if isinstance(node, dict):
        fields = cast("dict[str, object]", node)  # JSON
        return {k: spoiled(v, chance) for k, v in fields.items() if chance.random() > 0.02}
    if isinstance(node, list):
        return [spoiled(item, chance) for item in cast("list[object]", node)]
    return node


def signed(body: bytes) -> dict[str, Any]:
    moment = str(int(SystemClock().now().timestamp()))
    signature = KEY.sign(moment.encode() + body).signature.hex()
    return {"X-Signature-Timestamp": moment, "X-Signature-Ed25519": signature}


async def no_events() -> list[tuple[Conversation, str]]:
    return []
