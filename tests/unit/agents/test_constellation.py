"""Agents are found before they are made, made once, and remembered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from agents.constellation import AgentConstellation, ConstellationOptions
from agents.scripted import HostFault, ScriptedAgents
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, PersonId, SessionId, TurnId
from gateway.domain.people import EVERYONE, Mode, Person, Route, place_id_of
from gateway.domain.turns import Session, Turn, TurnRef
from gateway.errors import RuntimeUnavailable
from storage.memory.store import MemoryStore
from tests.fakes.crashing import Asked, around
from tests.fakes.virtual_time import EPOCH, LoopClock, VirtualTimeLoop

ADA = PersonId("person-ada")
BOB = PersonId("person-bob")
HOME = Conversation("console", "local", "home")
CHANNEL = Conversation("slack", "T1", "C1")
T = TypeVar("T")


class Life:
    """One process after the other over the same store and the same host."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.agents = ScriptedAgents()
        self.constellation = self.restart()

    def restart(self, **options: Any) -> AgentConstellation:
        self.constellation = AgentConstellation(
            self.store.people, self.agents, LoopClock(), ConstellationOptions(**options)
        )
        return self.constellation


class Swap:
    """Lets somebody adopt another scribe just after the store was read."""

    AGENT = AgentId("agent-adopted")
    store: MemoryStore
    constellation: AgentConstellation

    async def pass_by(self, name: str) -> None:
        if name == "after people.contacts":
            await self.store.people.adopt_agent(ADA, "scribe", self.AGENT, EPOCH)
            self.constellation.forget(ADA, "scribe")


class Renewal:
    """Lets the scribe's person begin a new thread just after the store was read."""

    constellation: AgentConstellation
    agent: AgentId
    thread: SessionId | None = None

    async def pass_by(self, name: str) -> None:
        if name == "after people.contacts" and self.thread is None:
            self.thread = await self.constellation.renew_thread(self.agent, HOME, "m1")


def turn_of(
    person: PersonId = ADA,
    conversation: Conversation = HOME,
    role: str = "postern",
    mode: Mode = Mode.PERSON,
) -> Turn:
    ref = TurnRef(TurnId("turn-1"), Route(role, mode).lane(person, conversation), fence=1)
    return Turn(ref, person, role, conversation, messages=(), attempt=1, started_at=EPOCH)


async def test_first_contact_makes_an_agent_and_a_thread() -> None:
    life = Life()

    session = await life.constellation.session_for(turn_of())

    assert [agent for _, _, agent in life.agents.created] == [session.agent]
    assert [thread for _, _, thread in life.agents.threads] == [session.thread]


async def test_the_second_contact_asks_nobody() -> None:
    life = Life()
    session = await life.constellation.session_for(turn_of())
    life.agents.go_down()

    assert await life.constellation.session_for(turn_of()) == session


async def test_a_restart_finds_what_the_store_knows_without_the_host() -> None:
    life = Life()
    session = await life.constellation.session_for(turn_of())
    life.restart()
    life.agents.go_down()

    assert await life.constellation.session_for(turn_of()) == session


async def test_who_is_not_remembered_costs_one_look_at_the_store() -> None:
    life, asked = Life(), Asked()
    session = await life.constellation.session_for(turn_of())
    people = around(life.store.people, "people", asked)
    forgetful = AgentConstellation(people, life.agents, LoopClock())

    assert await forgetful.session_for(turn_of()) == session
    assert await forgetful.session_for(turn_of()) == session

    assert asked.names == ["people.contacts"]


async def test_one_look_at_the_store_finds_all_agents_of_who_is_not_remembered() -> None:
    life, asked = Life(), Asked()
    turns = [turn_of(role=role) for role in ("postern", "scribe", "scout")]
    sessions = [await life.constellation.session_for(turn) for turn in turns]
    people = around(life.store.people, "people", asked)
    forgetful = AgentConstellation(people, life.agents, LoopClock())

    assert [await forgetful.session_for(turn) for turn in turns] == sessions

    assert asked.names == ["people.contacts"]


async def test_what_was_forgotten_while_the_store_was_asked_is_not_remembered() -> None:
    life, swap = Life(), Swap()
    for role in ("postern", "scribe"):
        await life.constellation.session_for(turn_of(role=role))
    people = around(life.store.people, "people", swap)
    swap.constellation = AgentConstellation(people, life.agents, LoopClock())
    swap.store = life.store

    await swap.constellation.session_for(turn_of())

    scribe = await swap.constellation.session_for(turn_of(role="scribe"))
    assert scribe.agent == Swap.AGENT


async def test_a_thread_begun_while_the_store_was_asked_is_the_one_that_counts() -> None:
    life, renewal = Life(), Renewal()
    for role in ("postern", "scribe"):
        renewal.agent = (await life.constellation.session_for(turn_of(role=role))).agent
    people = around(life.store.people, "people", renewal)
    renewal.constellation = AgentConstellation(people, life.agents, LoopClock())

    await renewal.constellation.session_for(turn_of())

    scribe = await renewal.constellation.session_for(turn_of(role="scribe"))
    assert scribe.thread == renewal.thread


async def test_each_conversation_is_a_thread_of_the_same_agent() -> None:
    life = Life()
    one = await life.constellation.session_for(turn_of())

    two = await life.constellation.session_for(turn_of(conversation=replace(HOME, channel="b")))

    assert two.agent == one.agent
    assert two.thread != one.thread


async def test_people_and_roles_have_agents_of_their_own() -> None:
    life = Life()
    turns = [turn_of(), turn_of(PersonId("person-bob")), turn_of(role="scribe")]

    sessions = [await life.constellation.session_for(turn) for turn in turns]

    assert len({session.agent for session in sessions}) == 3


async def test_people_share_the_agent_of_a_shared_role() -> None:
    life = Life()

    one = await life.constellation.session_for(turn_of(mode=Mode.SHARED))
    two = await life.constellation.session_for(turn_of(BOB, mode=Mode.SHARED))

    assert one == two
    assert life.agents.created[0][0] == EVERYONE


async def test_a_channel_has_one_agent_with_a_thread_for_each_of_its_threads() -> None:
    life = Life()
    sessions = [
        await life.constellation.session_for(turn_of(person, place, mode=Mode.CHANNEL))
        for person, place in [(ADA, CHANNEL), (BOB, CHANNEL), (BOB, replace(CHANNEL, thread="1"))]
    ]

    assert sessions[0] == sessions[1]
    assert sessions[2].agent == sessions[0].agent
    assert sessions[2].thread != sessions[0].thread
    assert life.agents.created[0][0] == place_id_of(CHANNEL)


async def test_each_thread_has_an_agent_of_its_own_where_that_is_the_rule() -> None:
    life = Life()
    sessions = [
        await life.constellation.session_for(
            turn_of(person, replace(CHANNEL, thread=thread), mode=Mode.THREAD)
        )
        for person, thread in [(ADA, "1"), (BOB, "1"), (ADA, "2")]
    ]

    assert sessions[0] == sessions[1]
    assert sessions[2].agent != sessions[0].agent


async def test_many_at_once_make_one_agent_and_one_thread() -> None:
    life = Life()
    life.agents.host_delay_seconds = 0.001

    sessions = await asyncio.gather(*(life.constellation.session_for(turn_of()) for _ in range(50)))

    assert len(set(sessions)) == 1
    assert len(life.agents.created) == len(life.agents.threads) == 1


async def test_a_look_up_that_fails_makes_nothing() -> None:
    life = Life()
    life.agents.host_faults.append(HostFault.LOST_ANSWER)

    with pytest.raises(RuntimeUnavailable):
        await life.constellation.session_for(turn_of())

    assert life.agents.created == []


async def test_the_host_coming_back_is_noticed_at_once() -> None:
    life = Life()
    life.agents.go_down()
    with pytest.raises(RuntimeUnavailable):
        await life.constellation.session_for(turn_of())

    life.agents.come_back()

    assert await life.constellation.session_for(turn_of())


async def test_an_agent_whose_making_was_not_heard_of_is_found() -> None:
    life = Life()
    life.agents.host_faults.extend([HostFault.NONE, HostFault.LOST_ANSWER])
    with pytest.raises(RuntimeUnavailable):
        await life.constellation.session_for(turn_of())

    session = await life.constellation.session_for(turn_of())

    assert [agent for _, _, agent in life.agents.created] == [session.agent]


async def test_an_agent_made_before_a_crash_is_found_and_bound() -> None:
    life = Life()
    await life.store.people.intend_agent(ADA, "postern", EPOCH)
    made = await life.agents.create_agent(Person(ADA, "Ada"), "postern")
    life.agents.created[0] = (ADA, "postern", made)

    session = await life.restart().session_for(turn_of())

    assert session.agent == made
    binding = await life.store.people.binding(ADA, "postern")
    assert binding is not None
    assert binding.agent_id == made


def test_after_a_crash_an_empty_look_up_is_not_believed_at_once() -> None:
    async def story(life: Life) -> tuple[float | None, Session]:
        await life.store.people.intend_agent(ADA, "postern", EPOCH)
        await asyncio.sleep(100)
        life.restart(settle_seconds=20)
        with pytest.raises(RuntimeUnavailable) as caught:
            await life.constellation.session_for(turn_of())
        await asyncio.sleep(caught.value.retry_after_seconds or 0)
        return caught.value.retry_after_seconds, await life.constellation.session_for(turn_of())

    wait, session = on_virtual_time(story)

    assert wait == 20
    assert session.agent == "agent-1"


def test_a_look_up_that_took_long_is_not_believed() -> None:
    async def story(life: Life) -> list[int]:
        life.agents.host_delay_seconds = 7.0
        with pytest.raises(RuntimeUnavailable):
            await life.constellation.session_for(turn_of())
        made_at_first = len(life.agents.created)
        life.agents.host_delay_seconds = 0.0
        await life.constellation.session_for(turn_of())
        return [made_at_first, len(life.agents.created)]

    assert on_virtual_time(story) == [0, 1]


async def test_the_least_used_are_forgotten_and_found_again() -> None:
    life = Life()
    life.restart(remembered=2)
    people = [PersonId(f"person-{number}") for number in range(5)]

    first = [await life.constellation.session_for(turn_of(person)) for person in people]
    again = [await life.constellation.session_for(turn_of(person)) for person in people]

    assert first == again
    assert len(life.agents.created) == 5


async def test_one_that_stops_waiting_disturbs_nobody() -> None:
    life = Life()
    life.agents.host_delay_seconds = 0.005
    async with asyncio.TaskGroup() as tasks:
        leader = tasks.create_task(life.constellation.session_for(turn_of()))
        follower = tasks.create_task(life.constellation.session_for(turn_of()))
        await asyncio.sleep(0)
        leader.cancel()

    assert follower.result().agent == "agent-1"
    assert len(life.agents.created) == 1


def on_virtual_time(story: Any) -> Any:
    async def told() -> Any:
        return await story(Life())

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(told())
