"""One person with many lanes: they take their turns, and everybody else is answered meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from agents.scripted import Ask, Say, ScriptedAgents, Step, Wait
from gateway.domain.people import Mode, Route
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import RunRequest
from gateway.trail import Trails
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

TURN_SECONDS = 5.0
LANES = 10
SEATS = 3
ROUTES = {name: Route(name) for name in ("postern", *(f"role{n}" for n in range(LANES)))}
TEAM = {"postern": Route("postern"), "team": Route("team", Mode.SHARED)}


class Watch:
    """Agents that take a while, and how many of each person's turns they are at."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def thinks(self, request: RunRequest) -> Sequence[Step]:
        """Take a while, and answer with what was heard."""
        words = " ".join(item.text.split()[-1] for item in request.input)
        name = words.partition("-")[0]
        self.now[name] = self.now.get(name, 0) + 1
        self.most[name] = max(self.most.get(name, 0), self.now[name])
        asyncio.get_running_loop().call_later(TURN_SECONDS, self._ended, name)
        return Wait(TURN_SECONDS), Say(words)

    def _ended(self, name: str) -> None:
        self.now[name] -= 1


@asynccontextmanager
async def workers(
    count: int, watch: Watch, *, at_once: int = SEATS + 1, routes: dict[str, Route] | None = None
) -> AsyncGenerator[FakeHub]:
    """Run so many workers over one store; each has room for few turns."""
    options = HubOptions(routes=routes or ROUTES, max_in_flight=at_once, per_person=SEATS)
    hubs = [FakeHub(MemoryStore(), options=options)]
    hubs[0].agents = ScriptedAgents(watch.thinks)
    hubs += [FakeHub(hubs[0].store, options=options) for _ in range(count - 1)]
    async with AsyncExitStack() as stack:
        for hub in hubs:
            hub.agents, hub.platform = hubs[0].agents, hubs[0].platform
            await stack.enter_async_context(hub.running())
        yield hubs[0]


async def writes_to_all(person: FakePerson) -> None:
    for n in range(LANES):
        await person.says(f"role{n}: {person.name}-{n}")


@pytest.mark.parametrize("count", [1, 2])
async def test_who_has_ten_busy_lanes_keeps_nobody_waiting(count: int) -> None:
    watch = Watch()
    async with workers(count, watch) as hub:
        ada, bob = hub.person("ada"), hub.person("bob")
        begun = asyncio.get_running_loop().time()

        await writes_to_all(ada)
        await asyncio.sleep(1)
        await bob.says("bob-1")
        await bob.reads(1)
        waited = asyncio.get_running_loop().time() - begun
        await ada.reads(LANES)
        took = asyncio.get_running_loop().time() - begun

    assert watch.most == {"ada": SEATS, "bob": 1}
    assert waited < 1 + TURN_SECONDS + 1, "his turn began as he wrote"
    assert took < 4 * TURN_SECONDS + 1, "ten lanes on three seats: each that is free is taken"


async def test_a_seat_that_becomes_free_is_taken_at_once() -> None:
    watch = Watch()
    async with workers(2, watch) as hub:
        ada = hub.person("ada")
        await writes_to_all(ada)
        begun: list[int] = []
        for _ in range(4):
            await asyncio.sleep(TURN_SECONDS - 0.5)
            begun.append(len(hub.agents.heard))
            await asyncio.sleep(0.5)
        await ada.reads(LANES)

    assert begun == [3, 6, 9, 10]


async def test_a_command_is_answered_while_every_seat_is_taken() -> None:
    async with workers(1, Watch()) as hub:
        ada = hub.person("ada")
        begun = asyncio.get_running_loop().time()
        await writes_to_all(ada)
        await asyncio.sleep(1)

        await ada.says("/whoami")
        read = await ada.reads(1)

    assert "`fake:w1:ada`" in read[0]
    assert asyncio.get_running_loop().time() - begun < TURN_SECONDS


async def test_a_turn_that_waits_for_a_seat_is_cancelled_while_every_seat_is_taken() -> None:
    async with workers(1, Watch(), at_once=100, routes=TEAM) as hub:
        ada = hub.person("ada")
        hub.agents.refusals = 1
        places = [replace(ada.conversation, channel=f"c{n}") for n in range(SEATS + 1)]
        for place in places:
            await replace(ada, conversation=place).says(f"team: ada-{place.channel}")
        await asyncio.sleep(2)
        trails = Trails(hub.store.history)
        (before,) = (await trails.follow("turn-1")).is_open

        await replace(ada, conversation=places[0]).says("/cancel")
        await asyncio.sleep(1)
        after = (await trails.follow("turn-1")).is_open
        running = (await hub.store.history.counts()).turns_running

    assert before == (
        f"turn-1 waits for a seat: its person has {SEATS} other turns running (turns.per_person)."
    )
    assert (after, running) == ((), SEATS)


async def test_who_waits_in_a_channel_of_a_busy_person_waits_for_no_seat_of_theirs() -> None:
    watch = Watch()
    async with workers(1, watch, at_once=100, routes=TEAM) as hub:
        ada, bob = hub.person("ada"), hub.person("bob")
        channels = [replace(ada.conversation, channel=f"c{n}") for n in range(6)]
        for place in channels:
            await replace(ada, conversation=place).says(f"team: ada-{place.channel}")
        await asyncio.sleep(1)

        bob_there = replace(bob, conversation=channels[-1])
        await bob_there.says("team: bob-1")
        await asyncio.sleep(TURN_SECONDS + 0.5)

    assert bob_there.sees == ["ada-c5 bob-1"]


async def test_an_agent_that_asks_another_waits_for_no_seat_of_its_own() -> None:
    routes = {"postern": Route("postern"), "writer": Route("writer")}
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=routes, asking=True, per_person=1))

    def play(request: RunRequest) -> Sequence[Step]:
        heard = request.input[-1]
        if isinstance(heard, ToolResult):
            return (Say("I have asked."),)
        if "asks you" in heard.text:
            return Wait(TURN_SECONDS), Say("a poem")
        if "answers what you asked" in heard.text:
            return (Say("here it is"),)
        question = json.dumps({"role": "writer", "question": "a poem, please"})
        return (Ask((ToolCall("c1", "ask_agent", question),)),)

    hub.agents.script = play
    async with asyncio.timeout(10 * TURN_SECONDS), hub.running():
        ada = hub.person("ada")
        await ada.says("a poem")
        read = await ada.reads(2)

    assert read == ["I have asked.", "here it is"]
