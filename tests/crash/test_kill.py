"""kill -9 at named moments of a real gateway: the answer comes once, whole, from the same agent."""

from __future__ import annotations

import asyncio
import signal

import pytest
from letta_client import AsyncLetta

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve
from tests.crash.home import Ada, Home
from tests.fakes.patience import PATIENCE_SECONDS

MOMENTS = [
    "before store.turns.accept",
    "after store.turns.accept",
    "before store.turns.claim",
    "after store.turns.claim",
    "before agents.session_for",
    "after store.people.intend_agent",
    "after agents.session_for",
    "before runtime.run",
    "after RunStarted of runtime.run",
    "before store.turns.record_run",
    "after store.turns.record_run",
    "after TextDelta of runtime.run",
    "before store.turns.open_draft",
    "after store.turns.open_draft",
    "before toolbox.call",
    "after toolbox.call",
    "before store.turns.record_tool_result",
    "after store.turns.record_tool_result",
    "before store.turns.finish",
    "after store.turns.finish",
    "before store.deliveries.claim",
    "after store.deliveries.claim",
    "before platform.send",
    "after platform.send",
    "before store.deliveries.settle",
    "after store.deliveries.settle",
]

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_kill_loses_and_doubles_nothing(home: Home, ada: Ada, moment: str) -> None:
    first, second = _questions(moment)
    async with home.gateway(die_at=moment) as dying:
        await asyncio.wait_for(ada.meet(), PATIENCE_SECONDS)
        asking = asyncio.ensure_future(ada.asks(first))
        status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
    assert status == -signal.SIGKILL, f'"{moment}" never came'

    async with home.gateway():
        to_first = await asyncio.wait_for(asking, PATIENCE_SECONDS)
        to_second = await asyncio.wait_for(ada.asks(second), PATIENCE_SECONDS)
        seen = await ada.sees()

    assert len(to_first) == len(to_second) == 1
    assert "Ada" in to_second[0]
    assert seen == [
        ("user", first),
        ("assistant", to_first[0]),
        ("user", second),
        ("assistant", to_second[0]),
    ]
    assert await _heard_by_agents(home) == [[first, second]]


def _questions(moment: str) -> tuple[str, str]:
    """What she says around the kill; a tool of the gateway is used only when one is asked for."""
    if "tool" in moment:
        return "What time is it?", "My name is Ada."
    return "My name is Ada.", "What is my name?"


async def _heard_by_agents(home: Home) -> list[list[str]]:
    """Return what each agent in the embedded server heard, without the envelope."""
    options = EmbeddedOptions(database=home.data_dir / "letta.db")
    async with (
        serve(options) as url,
        AsyncLetta(base_url=url, api_key="none", max_retries=0) as client,
    ):
        agents = [agent.id async for agent in client.agents.list()]
        return [await _heard_by(client, agent) for agent in agents]


async def _heard_by(client: AsyncLetta, agent: str) -> list[str]:
    return [
        str(message.content).partition("\n")[2]
        for thread in await client.conversations.list(agent_id=agent)
        async for message in client.conversations.messages.list(thread.id, order="asc")
        if message.message_type == "user_message"
    ]
