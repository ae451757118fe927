"""A gateway whose database is older than what its agents have heard, on every runtime."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.cli.sqlite_file import copy
from gateway.domain.ids import RunId
from gateway.domain.turns import InputMessage, RunRequest, RunStarted, TurnEvent
from gateway.ports import AgentRuntime, Health
from storage.sqlite import SqliteStore
from tests.contracts.minds import IMPLEMENTATIONS, Minds
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.patience import PATIENCE_SECONDS
from toolbox.executor import Executor
from toolbox.registry import Registry, tool_from


class Hands:
    """A tool that takes its time when it is told to."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.is_stuck = False
        self.begun = asyncio.Event()

    async def note(self, what: str) -> str:
        """Write something down."""
        self.noted.append(what)
        self.begun.set()
        if self.is_stuck:
            await asyncio.Event().wait()
        return f"noted {what}"


@dataclass(slots=True)
class Overheard:
    """A runtime, and in which of its runs each text was heard."""

    inner: AgentRuntime
    runs: dict[str, set[RunId]] = field(default_factory=dict[str, set[RunId]])
    """By the text without the line above it. A run that is heard again is the same one."""

    async def run(self, request: RunRequest) -> AsyncGenerator[TurnEvent]:
        """Pass on."""
        said = [item for item in request.input if isinstance(item, InputMessage)]
        async for event in self.inner.run(request):
            if isinstance(event, RunStarted):
                for item in said:
                    self.runs.setdefault(item.text.partition("\n")[2], set()).add(event.run)
            yield event

    async def cancel(self, request: RunRequest) -> None:
        """Pass on."""
        await self.inner.cancel(request)

    async def health(self) -> Health:
        """Pass on."""
        return await self.inner.health()


@dataclass(frozen=True, slots=True)
class World:
    """What is the same before and after the restore."""

    folder: Path
    minds: Minds
    runtime: Overheard
    hands: Hands = field(default_factory=Hands)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    """In all event ids: a server that others test on knows those of before."""

    @asynccontextmanager
    async def hub(self, database: str) -> AsyncGenerator[FakeHub]:
        """Yield a hub over this file, not running yet; its platform shows nothing so far."""
        store = SqliteStore(self.folder / database)
        await store.open()
        try:
            options = HubOptions(mind=(self.minds.host, self.runtime))
            registry = Registry([tool_from(self.hands.note)])
            yield FakeHub(store, options=options, toolbox=Executor(registry))
        finally:
            await store.close()

    def back_up(self) -> None:
        copy(self.folder / "now.db", self.folder / "restored.db")


@pytest.fixture(params=list(IMPLEMENTATIONS))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with IMPLEMENTATIONS[request.param]() as minds:
        yield World(tmp_path, minds, Overheard(minds.runtime))


CALL = 'call note {"what": "first"}'
LATER = 'call note {"what": "second"}'


async def _lives_on(world: World, waiting: str) -> list[str]:
    """Back up while this waits, and have it answered in the time that will be lost."""
    async with world.hub("now.db") as hub:
        ada = hub.person("ada")
        await ada.says(waiting, event_id=f"{world.name}-waiting")
        world.back_up()
        async with hub.running(), asyncio.timeout(PATIENCE_SECONDS):
            return await ada.reads(1)


async def _is_restored(world: World, *later: str) -> list[str]:
    """Go on from the backup, where something newer may wait too; return the answer."""
    async with world.hub("restored.db") as hub:
        ada = hub.person("ada")
        for number, text in enumerate(later):
            await ada.says(text, event_id=f"{world.name}-{number}")
        async with hub.running(), asyncio.timeout(PATIENCE_SECONDS):
            return await ada.reads(1)


async def test_what_waited_is_answered_out_of_what_the_agent_heard(world: World) -> None:
    before = await _lives_on(world, CALL)

    assert await _is_restored(world) == before
    assert len(world.runtime.runs[CALL]) == 1
    assert world.hands.noted == ["first", "first"]


async def test_a_newer_message_is_heard_beside_one_that_was_answered(world: World) -> None:
    assert await _lives_on(world, "say one") == ["one"]

    assert await _is_restored(world, "say two") == ["two"]
    assert len(world.runtime.runs["say two"]) == 1


async def test_the_tools_of_a_newer_message_are_not_those_of_the_lost_time(world: World) -> None:
    assert "noted first" in (await _lives_on(world, CALL))[0]

    (answer,) = await _is_restored(world, LATER)

    assert "noted second" in answer
    assert world.hands.noted.count("second") == 1


async def test_a_newer_message_is_heard_beside_one_whose_tools_were_at_work(world: World) -> None:
    world.hands.is_stuck = True
    async with world.hub("now.db") as hub:
        await hub.person("ada").says(CALL, event_id=f"{world.name}-waiting")
        world.back_up()
        async with hub.running(), asyncio.timeout(PATIENCE_SECONDS):
            await world.hands.begun.wait()
    world.hands.is_stuck = False

    (answer,) = await _is_restored(world, LATER)

    assert "noted second" in answer
    assert len(world.runtime.runs[LATER]) == 1
