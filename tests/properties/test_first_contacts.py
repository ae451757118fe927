"""A whole town on first contact, over a line that loses, delays and repeats what is asked."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from agents.constellation import AgentConstellation, ConstellationOptions
from agents.scripted import ScriptedAgents
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId, SessionId, TurnId
from gateway.domain.people import Person, Route
from gateway.domain.turns import Session, Turn, TurnRef
from gateway.errors import RetryLater, RuntimeUnavailable
from storage.memory.store import MemoryStore
from tests.fakes.virtual_time import EPOCH, LoopClock, VirtualTimeLoop

Answer = TypeVar("Answer")
ROLES = ("postern", "scribe", "scout")
SETTLE_SECONDS = 20.0
CROWD = 500
"""People who write at the same moment."""


class BadLine:
    """Stands before a host. What was sent arrives, whether its sender still waits or not."""

    def __init__(self, host: ScriptedAgents, dice: random.Random, trouble: float) -> None:
        self._host = host
        self._dice = dice
        self._trouble = trouble
        self._under_way: set[asyncio.Future[Any]] = set()
        self.calls = 0

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        return await self._ask(lambda: self._host.find_agent(person, role), may_repeat=True)

    async def create_agent(self, person: Person, role: str) -> AgentId:
        return await self._ask(lambda: self._host.create_agent(person, role))

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        return await self._ask(
            lambda: self._host.find_session(agent, conversation), may_repeat=True
        )

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        return await self._ask(lambda: self._host.create_session(agent, conversation))

    async def _ask(
        self, ask: Callable[[], Coroutine[Any, Any, Answer]], *, may_repeat: bool = False
    ) -> Answer:
        self.calls += 1
        if self._happens():
            raise RuntimeUnavailable("The request was lost.")
        late = self._dice.choice((0.1, 1.0, 9.0, 18.0)) if self._happens() else 0.0
        if may_repeat and self._happens():
            await self._arriving(ask, 0.0)
        # Arrives also when the caller is killed meanwhile.
        answer = await asyncio.shield(self._arriving(ask, late))
        if self._happens():
            raise RuntimeUnavailable("The answer was lost.")
        return answer

    def _arriving(
        self, ask: Callable[[], Coroutine[Any, Any, Answer]], late: float
    ) -> asyncio.Future[Answer]:
        async def arrive() -> Answer:
            if late:
                await asyncio.sleep(late)
            return await ask()

        under_way = asyncio.ensure_future(arrive())
        self._under_way.add(under_way)
        under_way.add_done_callback(self._under_way.discard)
        return under_way

    def _happens(self) -> bool:
        return self._dice.random() < self._trouble


def turn_of(number: int, role: str) -> Turn:
    person, place = PersonId(f"person-{number}"), Conversation("discord", "dm", str(number))
    ref = TurnRef(TurnId(f"turn-{number}"), Route(role).lane(person, place), fence=1)
    return Turn(ref, person, role, place, (), attempt=1, started_at=EPOCH)


async def persist(constellation: AgentConstellation, turn: Turn) -> Session:
    while True:
        try:
            return await constellation.session_for(turn)
        except RetryLater as error:
            await asyncio.sleep(error.retry_after_seconds or 1.0)


async def everybody(constellation: AgentConstellation, people: int) -> list[Session]:
    """Let all talk to all their agents, a crowd at once, some twice; and never give up."""
    sessions: list[Session] = []
    for start in range(0, people, CROWD):
        crowd = range(start, min(start + CROWD, people))
        turns = [turn_of(number, role) for number in crowd for role in ROLES]
        turns += turns[::50]
        sessions += await asyncio.gather(*(persist(constellation, turn) for turn in turns))
    return sessions


async def live(people: int, seed: int, trouble: float, killed_after: float) -> ScriptedAgents:
    """Let a first process be killed in the middle of it, and a second one finish."""
    host, store = ScriptedAgents(), MemoryStore()
    line = BadLine(host, random.Random(seed), trouble)

    def process() -> AgentConstellation:
        options = ConstellationOptions(settle_seconds=SETTLE_SECONDS, remembered=4 * people)
        return AgentConstellation(store.people, line, LoopClock(), options)

    dying = asyncio.ensure_future(everybody(process(), people))
    await asyncio.wait([dying], timeout=killed_after)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    survivor = process()
    first = await everybody(survivor, people)
    asked = line.calls
    second = await everybody(survivor, people)

    assert second == first
    assert line.calls == asked, "a second contact asked the host"
    return host


def made_by(
    people: int, seed: int, trouble: float, killed_after: float
) -> Counter[tuple[str, str]]:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        host = runner.run(live(people, seed, trouble, killed_after))
    return Counter((person, role) for person, role, _ in host.created)


def exactly_theirs(people: int) -> Counter[tuple[str, str]]:
    return Counter((f"person-{number}", role) for number in range(people) for role in ROLES)


@given(st.integers(0, 2**32), st.sampled_from([0.05, 0.2, 0.5]), st.floats(0.0, 40.0))
def test_each_person_has_exactly_their_agents(seed: int, trouble: float, killed: float) -> None:
    assert made_by(8, seed, trouble, killed) == exactly_theirs(8)


def test_ten_thousand_people_have_exactly_their_three_agents() -> None:
    assert made_by(10_000, 7, 0.1, 500.0) == exactly_theirs(10_000)
