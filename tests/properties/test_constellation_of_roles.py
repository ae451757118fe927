"""Several people with several roles each: one agent a role, one shared block a person, ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.constellation import AgentConstellation, ConstellationOptions
from gateway.domain.ids import AgentId, BlockId, PersonId, TurnId
from gateway.domain.people import Person, Route
from gateway.domain.turns import Session, Turn, TurnRef
from gateway.errors import RetryLater
from storage.memory.store import MemoryStore
from tests.fakes.crashing import around
from tests.fakes.virtual_time import EPOCH, LoopClock, VirtualTimeLoop
from tests.properties.test_constellation import SETTLE_SECONDS, FarHost, Journey, Lags, place_of

PEOPLE = [PersonId(f"person-{name}") for name in ("ada", "bob", "cy")]
ROLES = ["postern", "scribe", "scout"]
LABEL = "current_state"


class FarTemplates(FarHost):
    """The same bad line, to a host that also has blocks which a person's agents share."""

    def __init__(self, looks: list[Journey], makes: list[Journey]) -> None:
        super().__init__(looks, makes)
        self.blocks: list[tuple[PersonId, BlockId]] = []
        self.attached: dict[AgentId, set[str]] = {}
        self.calls = 0

    def version(self, role: str) -> str:
        return "v1"

    def shared_labels(self, role: str) -> tuple[str, ...]:
        return (LABEL,)

    async def find_block(self, person: Person, label: str) -> BlockId | None:
        def look() -> BlockId | None:
            return next((block for owner, block in self.blocks if owner == person.id), None)

        return await self._send(look, next(self._looks, Journey()))

    async def create_block(self, person: Person, label: str) -> BlockId:
        def make() -> BlockId:
            block = BlockId(f"block-{len(self.blocks)}")
            self.blocks.append((person.id, block))
            return block

        return await self._send(make, next(self._makes, Journey()))

    async def roll_out(
        self, person: Person, role: str, agent: AgentId, shared: Mapping[str, BlockId]
    ) -> tuple[str, ...]:
        def attach() -> tuple[str, ...]:
            self.attached.setdefault(agent, set()).update(shared.values())
            return ()

        return await self._send(attach, next(self._makes, Journey()))

    async def drift(
        self, person: Person, role: str, agent: AgentId, shared: Mapping[str, BlockId]
    ) -> tuple[str, ...] | None:
        return ()

    async def claim(self, person: Person, role: str, agent: AgentId) -> None:
        return None

    async def _send(self, act: Any, journey: Journey) -> Any:  # whatever is asked of the host
        self.calls += 1
        return await super()._send(act, journey)


async def _sessions(constellation: AgentConstellation) -> list[Session]:
    """Let everybody talk to all their agents at once, and never give up."""
    turns = [_turn(person, role) for person in PEOPLE for role in ROLES]
    return await asyncio.gather(*(_persist(constellation, turn) for turn in turns))


async def _persist(constellation: AgentConstellation, turn: Turn) -> Session:
    while True:
        try:
            return await constellation.session_for(turn)
        except RetryLater as error:
            await asyncio.sleep(error.retry_after_seconds or 1.0)


def _turn(person: PersonId, role: str) -> Turn:
    ref = TurnRef(TurnId("turn-1"), Route(role).lane(person, place_of(person)), fence=1)
    return Turn(ref, person, role, place_of(person), (), attempt=1, started_at=EPOCH)


delays = st.sampled_from([0.0, 0.001, 0.5, 3.0, 9.0])
rarely = st.sampled_from([False, False, False, True])
journeys = st.builds(Journey, delays, delays, rarely, rarely)


@given(
    looks=st.lists(journeys, max_size=20),
    makes=st.lists(journeys, max_size=20),
    lags=st.lists(st.sampled_from([0.0, 0.001, 1.0, 8.0]), max_size=30),
    lives=st.lists(st.sampled_from([0.0005, 0.7, 5.0, 12.0, 40.0]), max_size=3),
)
def test_each_has_one_agent_a_role_and_one_shared_block(
    looks: list[Journey], makes: list[Journey], lags: list[float], lives: list[float]
) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        host = runner.run(_story(looks, makes, lags, lives))

    made = Counter((person, role) for person, role, _ in host.agents)
    assert made == {(person, role): 1 for person in PEOPLE for role in ROLES}
    owned = dict(host.blocks)
    assert sorted(person for person, _ in host.blocks) == sorted(PEOPLE)
    assert host.attached == {agent: {owned[person]} for person, _, agent in host.agents}


async def _story(
    looks: list[Journey], makes: list[Journey], lags: list[float], lives: list[float]
) -> FarTemplates:
    """Let processes live and die one after the other; the last one comes to an end."""
    host, store, lagging = FarTemplates(looks, makes), MemoryStore(), Lags(lags)

    def process() -> AgentConstellation:
        people = around(store.people, "people", lagging)
        options = ConstellationOptions(settle_seconds=SETTLE_SECONDS)
        return AgentConstellation(people, host, LoopClock(), options, host)

    for seconds in lives:
        task = asyncio.create_task(_sessions(process()))
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    last = process()
    await _sessions(last)
    await _settle(last, host)
    return host


async def _settle(constellation: AgentConstellation, host: FarTemplates) -> None:
    """Come again until all agents are as their templates say; then nobody asks the host."""
    for _ in range(40):
        await asyncio.sleep(SETTLE_SECONDS)
        before = host.calls
        await _sessions(constellation)
        if host.calls == before:
            return
    raise AssertionError("The host is asked for ever.")
