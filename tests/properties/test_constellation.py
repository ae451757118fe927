"""Whatever is lost, late or killed: nobody ever gets a second agent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from agents.constellation import AgentConstellation, ConstellationOptions
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, LaneId, PersonId, SessionId, TurnId
from gateway.domain.people import Person
from gateway.domain.turns import Session, Turn, TurnRef
from gateway.errors import RetryLater, RuntimeUnavailable
from storage.memory.store import MemoryStore
from tests.fakes.crashing import around
from tests.fakes.virtual_time import EPOCH, LoopClock, VirtualTimeLoop

SETTLE_SECONDS = 20.0
PEOPLE = [PersonId("person-ada"), PersonId("person-bob")]


@dataclass(frozen=True)
class Journey:
    """How one call to the host goes: the way there, and the way back."""

    arrives_after: float = 0.0
    answers_after: float = 0.0
    is_lost: bool = False
    """The request never arrives."""
    is_unheard: bool = False
    """The answer never arrives."""


class FarHost:
    """A host at the end of a bad line. What was sent arrives, whether its sender lives or not.

    Look-ups are truthful: they tell what is there when they arrive.
    """

    def __init__(self, looks: list[Journey], makes: list[Journey]) -> None:
        self.agents: list[tuple[PersonId, str, AgentId]] = []
        self.threads: list[tuple[AgentId, str, SessionId]] = []
        self._looks = iter(looks)
        self._makes = iter(makes)

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        def look() -> AgentId | None:
            return next((a for p, r, a in self.agents if (p, r) == (person.id, role)), None)

        return await self._send(look, next(self._looks, Journey()))

    async def create_agent(self, person: Person, role: str) -> AgentId:
        def make() -> AgentId:
            agent = AgentId(f"agent-{len(self.agents)}")
            self.agents.append((person.id, role, agent))
            return agent

        return await self._send(make, next(self._makes, Journey()))

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        def look() -> SessionId | None:
            key = (agent, conversation.id)
            return next((s for a, c, s in self.threads if (a, c) == key), None)

        return await self._send(look, next(self._looks, Journey()))

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        def make() -> SessionId:
            thread = SessionId(f"thread-{len(self.threads)}")
            self.threads.append((agent, conversation.id, thread))
            return thread

        return await self._send(make, next(self._makes, Journey()))

    async def _send(self, act: Any, journey: Journey) -> Any:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not journey.is_lost:
            loop.call_later(journey.arrives_after, self._arrive, act, journey, answer)
        try:
            async with asyncio.timeout(30):
                return await answer
        except TimeoutError:
            raise RuntimeUnavailable("No answer.") from None

    def _arrive(self, act: Any, journey: Journey, answer: asyncio.Future[Any]) -> None:
        result = act()
        if not journey.is_unheard:
            loop = asyncio.get_running_loop()
            loop.call_later(journey.answers_after, _answer, answer, result)


def _answer(answer: asyncio.Future[Any], result: object) -> None:
    if not answer.done():
        answer.set_result(result)


class Lags:
    """Lets time pass around every call to the store, so that a kill can fall between any two."""

    def __init__(self, lags: list[float]) -> None:
        self._lags = iter(lags)

    async def pass_by(self, name: str) -> None:
        await asyncio.sleep(next(self._lags, 0.0))


@dataclass(frozen=True)
class Plan:
    """All that goes wrong."""

    looks: list[Journey]
    makes: list[Journey]
    lags: list[float]
    lives: list[float]
    """How long each process lives before it is killed; the last one lives on."""
    callers: int


class World:
    """Processes, one after the other, that want sessions and never give up."""

    def __init__(self, plan: Plan) -> None:
        self.host = FarHost(plan.looks, plan.makes)
        self.store = MemoryStore()
        self._plan = plan
        self._lags = Lags(plan.lags)

    async def live(self) -> list[Session]:
        for seconds in self._plan.lives:
            process = asyncio.create_task(self._process())
            await asyncio.wait([process], timeout=seconds)
            process.cancel()
            await asyncio.gather(process, return_exceptions=True)
        return await self._process()

    async def _process(self) -> list[Session]:
        constellation = AgentConstellation(
            around(self.store.people, "people", self._lags),
            self.host,
            LoopClock(),
            ConstellationOptions(settle_seconds=SETTLE_SECONDS),
        )
        calls = [
            _persist(constellation, person) for person in PEOPLE for _ in range(self._plan.callers)
        ]
        return await asyncio.gather(*calls)


def place_of(person: PersonId) -> Conversation:
    return Conversation("console", "local", person)


async def _persist(constellation: AgentConstellation, person: PersonId) -> Session:
    ref = TurnRef(TurnId("turn-1"), LaneId(f"{person}/postern"), fence=1)
    place = place_of(person)
    turn = Turn(ref, person, "postern", place, messages=(), attempt=1, started_at=EPOCH)
    while True:
        try:
            return await constellation.session_for(turn)
        except RetryLater as error:
            await asyncio.sleep(error.retry_after_seconds or 1.0)


delays = st.sampled_from([0.0, 0.001, 0.5, 3.0, 9.0])
rarely = st.sampled_from([False, False, False, True])
journeys = st.builds(Journey, delays, delays, rarely, rarely)
plans = st.builds(
    Plan,
    looks=st.lists(journeys, max_size=8),
    makes=st.lists(journeys, max_size=6),
    lags=st.lists(st.sampled_from([0.0, 0.001, 1.0, 8.0, 15.0]), max_size=30),
    lives=st.lists(st.sampled_from([0.0, 0.0005, 0.002, 0.7, 5.0, 12.0, 40.0]), max_size=4),
    callers=st.integers(1, 3),
)
LATE = Journey(arrives_after=9.0)
LOST = Journey(is_lost=True)
UNHEARD = Journey(arrives_after=12.0, is_unheard=True)


@given(plan=plans)
@example(Plan([], [LATE, LATE], [], lives=[0.5], callers=1))
@example(Plan([LOST, LOST], [LATE, LATE], [], lives=[31.5], callers=1))
@example(Plan([], [UNHEARD, UNHEARD], [], lives=[], callers=2))
def test_nobody_ever_gets_a_second_agent(plan: Plan) -> None:
    world, sessions = on_virtual_time(plan)

    assert sorted(person for person, _, _ in world.host.agents) == PEOPLE
    assert len({session.agent for session in sessions}) == len(PEOPLE)


def on_virtual_time(plan: Plan) -> tuple[World, list[Session]]:
    async def story() -> tuple[World, list[Session]]:
        world = World(plan)
        return world, await world.live()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story())
