"""Groups whose process dies: whatever stands in the store then, the work ends once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from agents.coordination.dynamic import Dynamic
from agents.coordination.pipeline import OnFailure, Pipeline
from agents.coordination.round_robin import RoundRobin
from agents.coordination.supervisor import Supervisor
from agents.coordination.voting import Voting
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub
from tests.scenarios.test_groups import Part, new_hub, plain, tended

STORED = {
    f"after store.{step}"
    for step in (
        "turns.accept",
        "turns.claim",
        "turns.record_run",
        "turns.finish",
        "errands.change",
        "notes.put",
        "deliveries.claim",
        "deliveries.settle",
    )
}
"""The moments at which something new is in the store."""


@dataclass(frozen=True)
class Story:
    """What a person says, and what they read in the end."""

    hub: Callable[[], FakeHub]
    reads: str
    runs: int
    says: str = "@team go"


VOTES: dict[str, Part] = {"a": plain("VOTE: x"), "b": plain("VOTE: y"), "c": plain("VOTE: x")}
LED: dict[str, Part] = {
    "postern": lambda text: "All in all: 42." if "a: " in text else "@a: count\n@b: count",
    "a": plain("40"),
    "b": plain("2"),
}
STAGES: dict[str, Part] = {"a": plain("draft"), "b": plain("fail"), "c": plain("short")}
STORIES = {
    "supervisor": Story(
        lambda: new_hub(Supervisor("postern", ("a", "b")), LED), "All in all: 42.", 4
    ),
    "round-robin": Story(
        lambda: new_hub(RoundRobin(("b", "a", "c"), speakers=2), STAGES), "short", 3
    ),
    "pipeline": Story(
        lambda: new_hub(Pipeline((("a", "b"), ("c",)), OnFailure.SKIP), STAGES), "short", 3
    ),
    "dynamic": Story(lambda: new_hub(Dynamic(("b", "a"), {"b": ("go",)}, "c"), STAGES), "draft", 3),
    "voting": Story(
        lambda: new_hub(Voting(("a", "b"), 2, "c"), VOTES),
        "c broke the tie: **x** has 1 of 2 votes.\n- a: x\n- b: y",
        3,
    ),
    "sleeptime": Story(lambda: tended(1, plain("I noted it.")), "Good to know.", 2, "hello"),
}


@pytest.mark.parametrize("strategy", [each for each in STORIES if each != "pipeline"])
async def test_a_crash_at_any_stored_step_repeats_no_member_and_ends_once(strategy: str) -> None:
    story = STORIES[strategy]
    points = CrashPoints()
    await told_whole(story, points)
    stored = [n for n, name in enumerate(points.passed, 1) if name in STORED]
    assert len(stored) > 10

    for at in stored:
        hub = story.hub()
        await crash_then_finish(hub, story, at)

        await ended_once(hub, story, f"died {points.passed[at - 1]} ({at})")


async def test_a_crash_at_any_moment_repeats_no_member_and_doubles_no_answer() -> None:
    story = STORIES["pipeline"]
    points = CrashPoints()
    await told_whole(story, points)
    assert len(points.passed) > 60

    for at in range(1, len(points.passed) + 1):
        hub = story.hub()
        await crash_then_finish(hub, story, at)

        await ended_once(hub, story, f"died {points.passed[at - 1]} ({at})")


async def told_whole(story: Story, points: CrashPoints) -> None:
    hub = story.hub()
    hub.record(points)
    async with hub.running():
        await says_until_acknowledged(hub, story)
        await hub.person("ada").reads(1)
        await asyncio.sleep(20)
    await ended_once(hub, story, "nobody died")


async def ended_once(hub: FakeHub, story: Story, when: str) -> None:
    assert hub.person("ada").sees == [story.reads], when
    assert hub.agents.runs_started == story.runs, when
    assert await hub.store.errands.open_of(hub.agents.created[0][0]) == [], when


async def crash_then_finish(hub: FakeHub, story: Story, at: int) -> None:
    async with asyncio.TaskGroup() as group:
        talk = group.create_task(says_until_acknowledged(hub, story))
        async with asyncio.timeout(600):
            await hub.until_crash(CrashPoints(at))
        async with hub.running(), asyncio.timeout(3600):
            await talk
            await hub.person("ada").reads(1)
            await asyncio.sleep(20)


async def says_until_acknowledged(hub: FakeHub, story: Story) -> None:
    while True:
        try:
            async with asyncio.timeout(3):
                await hub.person("ada").says(story.says, event_id="e1")
        except TimeoutError:
            continue
        return
