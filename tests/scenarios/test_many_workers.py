"""Several gateways over one store: whichever has the turn, whichever hears the command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

from agents.scripted import Ask, Say, Wait
from gateway.domain.ids import WorkerId
from gateway.domain.messages import MessageKind
from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import Turn
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions


def _two_hubs() -> tuple[FakeHub, FakeHub]:
    """Return two gateways that do one turn each at a time: one has the turn, the other is free."""
    store = MemoryStore()
    one, two = (
        FakeHub(store, options=HubOptions(worker=WorkerId(name), max_in_flight=1))
        for name in ("one", "two")
    )
    two.agents, two.platform = one.agents, one.platform
    return one, two


@asynccontextmanager
async def _both() -> AsyncGenerator[FakeHub]:
    one, two = _two_hubs()
    async with one.running(), two.running():
        yield one


async def _commands(person: FakePerson, text: str, event_id: str | None = None) -> None:
    command = replace(person.hub.message(person, text, event_id), kind=MessageKind.COMMAND)
    await person.hub.inbox.receive(command)


async def test_cancel_stops_a_turn_that_another_worker_runs() -> None:
    async with _both() as hub:
        ada = hub.person("ada")
        hub.agents.will(Say("Thinking about it."), Wait(1000), Say("Too late."))
        await ada.says("work hard")
        await asyncio.sleep(5)

        await _commands(ada, "cancel")

        assert set(await ada.reads(2)) == {"Thinking about it.", "Stopped."}


async def test_cancel_drops_what_the_person_wrote_behind_it_and_nothing_later() -> None:
    async with _both() as hub:
        ada = hub.person("ada")
        hub.agents.will(Say("Thinking about it."), Wait(1000), Say("Too late."))
        await ada.says("work hard")
        await asyncio.sleep(5)
        await ada.says("and this")
        await ada.says("and that")

        await _commands(ada, "cancel")
        seen = await ada.reads(2)
        hub.agents.will_say("Something else, then.")
        await ada.says("something else")
        await ada.reads(3)
        heard = [text for texts in hub.agents.heard for text in texts]

    told = "Stopped. 2 messages of yours that waited are dropped."
    assert set(seen) == {"Thinking about it.", told}
    assert not any("and th" in text for text in heard)
    assert ada.sees[-1] == "Something else, then."


async def test_a_cancelled_turn_whose_worker_died_is_not_run_again() -> None:
    one, two = _two_hubs()
    ada = one.person("ada")
    one.agents.will(Say("Thinking about it."), Wait(1000), Say("Too late."))
    async with one.running():
        await ada.says("work hard")
        await asyncio.sleep(5)
    async with two.running():
        await _commands(ada, "cancel")
        assert await ada.reads(1) == ["Stopped."]
        await asyncio.sleep(120)

    assert ada.sees == ["Stopped.", "Thinking about it."]
    assert one.agents.runs_started == 1


async def test_a_cancelled_turn_ends_once_its_agents_are_back_and_nobody_is_told_to_wait() -> None:
    async with _both() as hub:
        ada = hub.person("ada")
        hub.agents.will(Say("Thinking about it."), Wait(1000), Say("Too late."))
        await ada.says("work hard")
        await asyncio.sleep(5)
        hub.agents.go_down()
        await asyncio.sleep(0.3)

        await _commands(ada, "cancel")
        await asyncio.sleep(60)
        told = list(ada.sees)
        hub.agents.come_back()
        await ada.reads(2)
        await asyncio.sleep(1200)

    assert told == ["Stopped."]
    assert set(ada.sees) == {"Stopped.", "Thinking about it."}


class _SlowTool:
    """A tool that takes its time."""

    def __init__(self) -> None:
        self.done = 0

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        return (ToolSpec("dig", "Dig.", {}),)

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        await asyncio.sleep(20)
        self.done += 1
        return ToolResult(call.id, "dug")


async def test_cancel_during_a_tool_call_lets_that_end_and_asks_the_agent_nothing_more() -> None:
    tool = _SlowTool()
    hub = FakeHub(MemoryStore(), toolbox=tool)
    hub.agents.will(Say("One moment."), Ask((ToolCall("c1", "dig", "{}"),)))
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("dig")
        await asyncio.sleep(5)

        await _commands(ada, "cancel")
        seen = await ada.reads(2)
        await asyncio.sleep(60)

    assert set(seen) == {"Stopped.", "One moment."} == set(ada.sees)
    assert (tool.done, hub.agents.runs_started) == (1, 1)


async def _until_acknowledged(hub: FakeHub, text: str, event_id: str) -> None:
    """Deliver as a platform does: again and again, until somebody acknowledges."""
    while True:
        try:
            async with asyncio.timeout(3):
                if text == "cancel":
                    await _commands(hub.person("ada"), text, event_id)
                else:
                    await hub.person("ada").says(text, event_id=event_id)
        except TimeoutError:
            continue
        return


async def _story(hub: FakeHub) -> None:
    await _until_acknowledged(hub, "work hard", "e1")
    await asyncio.sleep(20)
    await _until_acknowledged(hub, "cancel", "e2")
    async with asyncio.timeout(300):
        await hub.platform.until(lambda: len(hub.person("ada").sees) >= 2)


def _hub() -> FakeHub:
    hub = FakeHub(MemoryStore())
    hub.agents.will(Say("Thinking about it."), Wait(1000), Say("Too late."))
    return hub


async def test_a_crash_at_any_moment_of_a_cancellation_leaves_a_turn_that_is_cancelled() -> None:
    hub, points = _hub(), CrashPoints()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.until_crash(points))
        await asyncio.sleep(0)
        await _story(hub)
        running.cancel()

    for at in range(1, len(points.passed) + 1):
        hub, dying = _hub(), CrashPoints(at)
        async with asyncio.TaskGroup() as group:
            story = group.create_task(_story(hub))
            async with asyncio.timeout(400):
                await hub.until_crash(dying)
            async with hub.running():
                await story
                await asyncio.sleep(60)

        died = f"died at {at}: {dying.passed[-1]}"
        assert set(hub.person("ada").sees) == {"Thinking about it.", "Stopped."}, died
        assert len(hub.person("ada").sees) == 2, died
        assert hub.agents.runs_started == 1, died
    assert "before store.turns.cancel" in points.passed
    assert "before agents.cancel" in points.passed
