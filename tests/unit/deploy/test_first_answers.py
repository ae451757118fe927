"""The ingress tells Discord what the adapter would tell it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from nacl.signing import SigningKey

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.buttons import Buttons
from adapters.discord.interactions import deferral, immediate_answer, parse_interaction
from adapters.discord.options import DiscordOptions
from adapters.discord.payloads import Interaction
from adapters.discord.routes import make_router
from deploy.first_answers import first_answer, is_for_a_worker
from gateway.clock import SystemClock
from gateway.commands import SPECS
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button
from gateway.porter import _as_verified  # pyright: ignore[reportPrivateUsage] - what carries do

COMMANDS = {spec.name: spec for spec in SPECS}
SAID = [{"name": "text", "type": 3, "value": "What is new?"}]
WRITTEN = {"type": 18, "component": {"type": 4, "custom_id": "text", "value": "What is new?"}}


BUTTONS = Buttons("t")


def button(says: str) -> dict[str, Any]:
    """Return what Discord says of a pressed button of ours."""
    (row,) = BUTTONS.rows_of([Button("Press", says)])
    return {"custom_id": row["components"][0]["custom_id"], "component_type": 2}


def asked(kind: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an interaction as Discord sends it."""
    place = {"channel_id": "5", "channel": {"id": "5", "type": 0}, "guild_id": "6", "context": 0}
    who = {"user": {"id": "7", "username": "ada"}}
    return {
        "id": "1420000000000000000", "application_id": "2", "token": "t", "type": kind,
        "data": data, "member": who, **place, **more,
    }  # fmt: skip


ASKED = {
    "ask": asked(2, {"name": "ask", "type": 1, "options": SAID}),
    "ask nothing": asked(2, {"name": "ask", "type": 1}),
    "ask blanks": asked(2, {"name": "ask", "type": 1, "options": [{**SAID[0], "value": "  "}]}),
    "status": asked(2, {"name": "status", "type": 1}),
    "status in a DM": asked(2, {"name": "status", "type": 1}, context=1),
    "a button": asked(3, button("yes")),
    "a button that commands": asked(3, button("/status")),
    "a button seen by one": asked(3, button("yes"), message={"id": "3", "flags": 64}),
    "the window": asked(5, {"custom_id": "ask", "components": [WRITTEN]}),
}


def test_a_form_which_only_a_worker_knows_is_refused_to_its_person_at_once() -> None:
    pressed = asked(3, {"custom_id": BUTTONS.form_id(12), "component_type": 2})

    answer = first_answer(pressed)

    assert answer is not None
    assert answer["data"]["content"].startswith("I can't open this form here.")
    assert not is_for_a_worker(answer)


async def test_what_was_acknowledged_elsewhere_waits_for_an_adapter_that_does_not_run_yet() -> None:
    key = SigningKey(b"\7" * 32).verify_key.encode().hex()
    adapter = DiscordAdapter(DiscordOptions("t", no_events, commands=SPECS), SystemClock())
    app = FastAPI()
    app.include_router(make_router(adapter, key))
    transport = httpx.ASGITransport(app=_as_verified(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://inside") as client:
        answer = await client.post("/discord/interactions", json=ASKED["ask"])
        unsigned = await httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://outside"
        ).post("/discord/interactions", json=ASKED["ask"])

    assert (answer.status_code, unsigned.status_code) == (503, 401)


async def no_events() -> list[tuple[Conversation, str]]:
    return []


@pytest.mark.parametrize("name", ASKED)
def test_it_is_what_the_adapter_says(name: str) -> None:
    interaction = Interaction.model_validate(ASKED[name])
    theirs = immediate_answer(interaction, COMMANDS)
    if theirs is None:
        theirs = deferral(parse_interaction(interaction, COMMANDS, BUTTONS))

    ours = first_answer(ASKED[name])

    assert ours == theirs
    assert is_for_a_worker(theirs) == (name not in ("ask nothing", "ask blanks"))
