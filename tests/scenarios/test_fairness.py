"""Many people and few turns at once: everybody's turn comes, whoever else writes however much."""

from __future__ import annotations

import asyncio
from itertools import count

from agents.scripted import Say, ScriptedAgents, Step, Wait
from gateway.domain.turns import RunRequest
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

TURN_SECONDS = 5.0


def thinks(request: RunRequest) -> tuple[Step, ...]:
    """Take a while, and answer with what was heard."""
    return Wait(TURN_SECONDS), Say(" ".join(item.text[-4:] for item in request.input))


def hub_of(at_once: int) -> FakeHub:
    hub = FakeHub(MemoryStore(), options=HubOptions(max_in_flight=at_once))
    hub.agents = ScriptedAgents(thinks)
    return hub


async def test_no_more_turns_run_at_once_than_the_process_may_have() -> None:
    hub = hub_of(3)
    people = [hub.person(f"person{number}") for number in range(7)]

    async with hub.running():
        for person in people:
            await person.says("hello")
        begun: list[int] = []
        for _ in range(3):
            await asyncio.sleep(TURN_SECONDS - 1)
            begun.append(len(hub.agents.heard))
            await asyncio.sleep(1)
        for person in people:
            await person.reads(1)

    assert begun == [3, 6, 7]


async def test_who_writes_without_end_keeps_nobody_waiting() -> None:
    hub = hub_of(1)
    ada, bob = hub.person("ada"), hub.person("bob")

    async with asyncio.timeout(20 * TURN_SECONDS), hub.running(), asyncio.TaskGroup() as group:
        writing = group.create_task(_write_without_end(ada))
        await asyncio.sleep(2 * TURN_SECONDS)
        await bob.says("bob1")
        before = len(hub.agents.heard)
        await bob.reads(1)
        writing.cancel()

    since = [" ".join(heard) for heard in hub.agents.heard[before:]]
    turns_of_ada = next(number for number, heard in enumerate(since) if "bob1" in heard)
    assert bob.sees == ["bob1"]
    assert turns_of_ada == 1, "she had written before him, and that is one turn"


async def _write_without_end(person: FakePerson) -> None:
    for number in count():
        await person.says(f"a{number:03}")
        await asyncio.sleep(0.5)
