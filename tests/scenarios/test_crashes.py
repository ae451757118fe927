"""The promises P1 to P5 after a crash at every moment of a turn: before and after each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeAlias

import pytest

from agents.scripted import Ask, Say
from gateway.domain.tools import ToolCall
from gateway.ports import Streaming
from gateway.turn_runner import ANSWER_IS_LATE
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

Story: TypeAlias = Callable[[FakeHub], Coroutine[None, None, None]]
"""What a person does and waits for, whether or not a process dies meanwhile."""

ANSWERS = ["One moment.\n\nIt is nine o'clock, and all is well.", "You are welcome."]


def _new_hub(*, streams: bool) -> FakeHub:
    streaming = Streaming(interval_seconds=0.1) if streams else None
    hub = FakeHub(MemoryStore(), options=HubOptions(streaming=streaming))
    hub.agents.will(Say("One moment."), Ask((ToolCall("c1", "current_time", "{}"),)))
    hub.agents.will_say("It is nine o'clock, and all is well.", pause=0.2)
    hub.agents.will_say("You are welcome.")
    return hub


async def _says_until_acknowledged(person: FakePerson, text: str, event_id: str) -> None:
    """Deliver as a platform does: again and again, until somebody acknowledges."""
    while True:
        try:
            async with asyncio.timeout(3):
                await person.says(text, event_id=event_id)
        except TimeoutError:
            continue
        return


async def _story(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await _says_until_acknowledged(ada, "what time is it?", "e1")
    await ada.reads(1)
    await _says_until_acknowledged(ada, "thank you", "e2")
    await hub.platform.until(lambda: ada.sees == ANSWERS)


async def _story_of_a_late_answer(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.go_down()
    hub.agents.will_say("Here I am.")
    await _says_until_acknowledged(ada, "are you there?", "e1")
    await asyncio.sleep(10)
    hub.agents.come_back()
    await hub.platform.until(lambda: ada.sees[-1:] == ["Here I am."])


async def _crash_then_finish(hub: FakeHub, points: CrashPoints, tell: Story = _story) -> None:
    async with asyncio.TaskGroup() as group:
        story = group.create_task(tell(hub))
        async with asyncio.timeout(120):
            await hub.until_crash(points)
        async with hub.running(), asyncio.timeout(3600):
            await story
            await asyncio.sleep(120)


async def _count_moments(hub: FakeHub, tell: Story = _story) -> list[str]:
    points = CrashPoints()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.until_crash(points))
        await asyncio.sleep(0)
        async with asyncio.timeout(120):
            await tell(hub)
        running.cancel()
    return points.passed


@pytest.mark.parametrize("streams", [False, True])
async def test_a_crash_at_any_moment_loses_and_doubles_nothing(streams: bool) -> None:
    moments = await _count_moments(_new_hub(streams=streams))

    for at in range(1, len(moments) + 1):
        hub = _new_hub(streams=streams)
        points = CrashPoints(at)
        await _crash_then_finish(hub, points)

        died = f"died at {at}: {points.passed[-1]}"
        assert hub.person("ada").sees == ANSWERS, died
        assert hub.agents.runs_started == 3, died
        assert len(hub.agents.heard) == 2, died
        assert len(hub.agents.created) == 1, died
        assert not hub.agents.overlaps, died
    assert len(moments) >= 40


async def test_a_crash_at_any_moment_tells_at_most_once_that_an_answer_is_late() -> None:
    untouched = FakeHub(MemoryStore())
    moments = await _count_moments(untouched, _story_of_a_late_answer)
    assert untouched.person("ada").sees == [ANSWER_IS_LATE, "Here I am."]

    for at in range(1, len(moments) + 1):
        hub = FakeHub(MemoryStore())
        points = CrashPoints(at)
        await _crash_then_finish(hub, points, _story_of_a_late_answer)

        *before, answer = hub.person("ada").sees
        died = f"died at {at}: {points.passed[-1]}"
        assert (before in ([], [ANSWER_IS_LATE]), answer) == (True, "Here I am."), died
    assert "before store.turns.postpone" in moments
