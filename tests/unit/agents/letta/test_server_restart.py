"""A Letta server that goes away in mid-run and comes back: the run is heard whole, once more."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve
from agents.letta import LettaOptions
from agents.letta.client import open_letta
from agents.letta.faults import StreamRestarted
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Person
from gateway.domain.turns import RunEnded, RunRequest, Session, TextDelta
from gateway.errors import RuntimeUnavailable
from gateway.ports import AgentRuntime
from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.rounds import follow, says, text_of

ADA = Person(PersonId("person-ada"), "Ada")


async def begin(runtime: AgentRuntime, request: RunRequest, began: asyncio.Event) -> None:
    """Hear a round, to its end or to its interruption."""
    async for event in runtime.run(request):
        if isinstance(event, TextDelta):
            began.set()


async def test_a_run_is_heard_whole_over_a_restart_of_its_server(tmp_path: Path) -> None:
    server, began = EmbeddedOptions(tmp_path / "letta.db", scripted=True), asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), AsyncExitStack() as stack:
        first = AsyncExitStack()
        url = await first.enter_async_context(serve(server))
        letta = await stack.enter_async_context(open_letta(LettaOptions(base_url=url)))
        agent = await letta.host.create_agent(ADA, "postern")
        thread = await letta.host.create_session(agent, Conversation("console", "local", "a"))
        request = says(Session(agent, thread), "drip 0.01\nwords 40")
        async with asyncio.TaskGroup() as tasks:
            interrupted = tasks.create_task(interruption(letta.runtime, request, began))
            await began.wait()
            await first.aclose()
            await stack.enter_async_context(serve(server, port=int(url.rpartition(":")[2])))
        again = await follow(letta.runtime, request)

    assert isinstance(interrupted.result(), StreamRestarted)
    assert text_of(again) == " ".join(f"w{number}" for number in range(40))
    assert again[-1] == RunEnded("end_turn")


async def interruption(
    runtime: AgentRuntime, request: RunRequest, began: asyncio.Event
) -> RuntimeUnavailable:
    with pytest.raises(RuntimeUnavailable) as caught:
        await begin(runtime, request, began)
    return caught.value
