"""The scripted agents follow their script, on virtual time as on real time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from agents.scripted import Ask, Drop, Fail, HostFault, Say, ScriptedAgents, Think, Use, Wait
from gateway.domain.ids import AgentId, PersonId, SessionId
from gateway.domain.people import Person
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import (
    InputMessage,
    ReasoningDelta,
    RunEnded,
    RunRequest,
    RunStarted,
    Session,
    TextDelta,
    ToolsAsked,
    ToolUsed,
    TurnEvent,
)
from gateway.errors import RunFailed, RuntimeUnavailable
from tests.fakes.virtual_time import VirtualTimeLoop

HERE = Session(AgentId("agent-1"), SessionId("thread-1"))
CALL = ToolCall("call-1", "roll_dice", "{}")
T = TypeVar("T")


def hears(text: str, otid: str = "otid-1") -> RunRequest:
    return RunRequest(HERE, (InputMessage(text, otid),), otid)


async def follow(agents: ScriptedAgents, request: RunRequest) -> list[TurnEvent]:
    return [event async for event in agents.run(request)]


def on_virtual_time(story: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story)


async def test_it_echoes_without_a_script() -> None:
    agents = ScriptedAgents()

    events = await follow(agents, hears("hello there"))

    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "hello there"
    assert agents.heard == [["hello there"]]


async def test_it_does_every_step_of_its_script_in_order() -> None:
    agents = ScriptedAgents()
    agents.will(Think("hm"), Use("search"), Say("a", message="m1"), Say("b", message="m1"))

    events = await follow(agents, hears("x"))

    assert events[1:] == [
        ReasoningDelta("hm"),
        ToolUsed("search"),
        TextDelta("m1", "a"),
        TextDelta("m1", "b"),
        RunEnded("end_turn"),
    ]


async def test_a_replay_is_no_second_run() -> None:
    agents = ScriptedAgents()
    first = await follow(agents, hears("x"))

    assert await follow(agents, hears("x")) == first
    assert agents.runs_started == 1
    assert agents.heard == [["x"]]


async def test_nothing_is_heard_while_it_is_down() -> None:
    agents = ScriptedAgents()
    agents.go_down()

    with pytest.raises(RuntimeUnavailable):
        await follow(agents, hears("x"))

    assert agents.heard == []
    assert not (await agents.health()).is_ready


async def test_a_refused_round_may_be_asked_for_again() -> None:
    agents = ScriptedAgents()
    agents.refusals = 1
    with pytest.raises(RuntimeUnavailable):
        await follow(agents, hears("x"))

    assert (await follow(agents, hears("x")))[-1] == RunEnded("end_turn")


async def test_a_dropped_stream_is_whole_at_the_second_hearing() -> None:
    agents = ScriptedAgents()
    agents.will(Say("one", message="m"), Drop(), Say("two", message="m"))
    with pytest.raises(RuntimeUnavailable):
        await follow(agents, hears("x"))

    events = await follow(agents, hears("x"))

    assert [e.text for e in events if isinstance(e, TextDelta)] == ["one", "two"]
    assert agents.runs_started == 1


async def test_a_failure_is_replayed() -> None:
    agents = ScriptedAgents()
    agents.will(Say("oh"), Fail("llm_error"))
    kinds: list[str] = []

    for _ in range(2):
        with pytest.raises(RunFailed) as caught:
            await follow(agents, hears("x"))
        kinds.append(caught.value.kind)

    assert kinds == ["llm_error", "llm_error"]


async def test_results_resume_the_run_that_asked() -> None:
    agents = ScriptedAgents()
    agents.will(Ask((CALL,)))
    asked = await follow(agents, hears("x"))
    results = (ToolResult("call-1", "four"),)

    events = await follow(agents, replace(hears("x"), input=results, otid="otid-2"))

    assert asked[-1] == ToolsAsked((CALL,))
    assert events[-1] == RunEnded("end_turn")
    assert agents.returned == [[ToolResult("call-1", "four")]]
    assert agents.heard == [["x"]]


async def test_results_of_other_calls_are_refused() -> None:
    agents = ScriptedAgents()
    agents.will(Ask((CALL,)))
    await follow(agents, hears("x"))
    wrong = (ToolResult("call-9", "four"),)

    with pytest.raises(RunFailed):
        await follow(agents, replace(hears("x"), input=wrong, otid="otid-2"))


async def test_calls_without_an_answer_are_remembered_as_abandoned() -> None:
    agents = ScriptedAgents()
    agents.will(Ask((CALL,)))
    await follow(agents, hears("x"))

    await follow(agents, hears("never mind", "otid-2"))

    assert agents.abandoned == [CALL]


async def test_a_lost_agent_fails_the_run() -> None:
    agents = ScriptedAgents()
    agents.lose_agent(HERE.agent)

    with pytest.raises(RunFailed) as caught:
        await follow(agents, hears("x"))

    assert caught.value.kind == "not_found"


async def test_a_lost_answer_still_made_the_agent() -> None:
    agents = ScriptedAgents()
    agents.host_faults.append(HostFault.LOST_ANSWER)
    person = Person(PersonId("person-1"), "Ada")

    with pytest.raises(RuntimeUnavailable):
        await agents.create_agent(person, "postern")

    assert await agents.find_agent(person, "postern") == agents.created[0][2]


def test_pauses_take_virtual_time_only() -> None:
    async def story() -> tuple[float, list[TurnEvent]]:
        agents = ScriptedAgents()
        agents.will_say("one two", after=3600, pause=60)
        return asyncio.get_running_loop().time(), await follow(agents, hears("x"))

    started, events = on_virtual_time(story())

    assert started == 0.0
    assert [e.text for e in events if isinstance(e, TextDelta)] == ["one ", "two"]


def test_a_run_goes_on_while_nobody_listens() -> None:
    async def story() -> float:
        agents = ScriptedAgents()
        agents.will_say("late", after=100)
        await hear_until_started(agents, hears("x"))
        await asyncio.sleep(100)
        began = asyncio.get_running_loop().time()
        await follow(agents, hears("x"))
        return asyncio.get_running_loop().time() - began

    assert on_virtual_time(story()) == 0.0


def test_a_second_run_in_a_busy_thread_is_turned_away_and_noted() -> None:
    async def story() -> ScriptedAgents:
        agents = ScriptedAgents()
        agents.will(Wait(100))
        await hear_until_started(agents, hears("x"))
        with pytest.raises(RuntimeUnavailable):
            await follow(agents, hears("y", "otid-2"))
        return agents

    agents = on_virtual_time(story())

    assert agents.overlaps == [HERE.thread]
    assert agents.heard == [["x"]]


def test_listeners_hear_at_once_that_a_run_was_cancelled() -> None:
    async def story() -> tuple[list[TurnEvent], float]:
        agents = ScriptedAgents()
        agents.will(Say("begun"), Wait(3600), Say("never"))
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(follow(agents, hears("x")))
            await asyncio.sleep(10)
            await agents.cancel(hears("x"))
        return listening.result(), asyncio.get_running_loop().time()

    events, ended_at = on_virtual_time(story())

    assert events[-1] == RunEnded("cancelled")
    assert ended_at == 10.0


def test_listeners_are_cut_off_when_it_goes_down() -> None:
    async def story() -> float:
        agents = ScriptedAgents()
        agents.will_say("late", after=3600)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(expect_unavailable(agents))
            await asyncio.sleep(10)
            agents.go_down()
        assert listening.done()
        return asyncio.get_running_loop().time()

    assert on_virtual_time(story()) == 10.0


async def hear_until_started(agents: ScriptedAgents, request: RunRequest) -> None:
    async for event in agents.run(request):
        assert isinstance(event, RunStarted)
        return


async def expect_unavailable(agents: ScriptedAgents) -> None:
    with pytest.raises(RuntimeUnavailable):
        await follow(agents, hears("x"))
