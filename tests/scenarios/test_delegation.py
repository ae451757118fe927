"""One agent asks another: a turn of its own, whose answer comes back as a message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from agents.scripted import Ask, Say, Step, Wait
from gateway.domain.people import Route
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import RunRequest
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, HubOptions

ROUTES = {name: Route(name) for name in ("postern", "writer", "critic", "fifth", "sixth")}
Part = Callable[[str, bool], Iterable[Step]]
"""What an agent does when it hears this; true when it is what a tool returned."""


def ask(role: str, question: str, call: str = "c1") -> Ask:
    arguments = json.dumps({"role": role, "question": question})
    return Ask((ToolCall(call, "ask_agent", arguments),))


def new_hub(**parts: Part) -> FakeHub:
    patient = TurnOptions(deadline_seconds=20_000)
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=ROUTES, asking=True, turns=patient))

    def play(request: RunRequest) -> Iterable[Step]:
        agents = {agent: role for _, role, agent in hub.agents.created}
        heard = request.input[-1]
        text = heard.text.partition("\n")[2] or heard.text
        return parts[agents[request.session.agent]](text, isinstance(heard, ToolResult))

    hub.agents.script = play
    return hub


def postern(text: str, is_result: bool) -> Iterable[Step]:
    if is_result:
        return (Say("I have asked the writer."),)
    if text.startswith("writer answers"):
        return (Say(f"The writer says: {text.rpartition(chr(10))[2]}"),)
    return (ask("writer", "a line, please"),)


def writer(text: str, is_result: bool) -> Iterable[Step]:
    return (Wait(2), Say("All is well."))


async def test_the_answer_comes_back_to_the_asker_and_not_to_the_person() -> None:
    hub = new_hub(postern=postern, writer=writer)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem")

        read = await ada.reads(2)

    assert read == ["I have asked the writer.", "The writer says: All is well."]
    assert await hub.store.errands.open_of(hub.agents.created[0][0]) == []


async def test_an_agent_that_asks_on_behalf_of_another_answers_when_it_has_heard() -> None:
    def relaying(text: str, is_result: bool) -> Iterable[Step]:
        if is_result:
            return (Say("not yet"),)
        if text.startswith("critic answers"):
            return (Say(f"with the critic: {text.rpartition(chr(10))[2]}"),)
        return (ask("critic", "is it good?"),)

    def critic(text: str, is_result: bool) -> Iterable[Step]:
        return (Say("it is good"),)

    hub = new_hub(postern=postern, writer=relaying, critic=critic)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem")

        read = await ada.reads(2)

    assert read[-1] == "The writer says: with the critic: it is good"


async def test_agents_that_ask_each_other_in_a_circle_are_refused() -> None:
    def back(text: str, is_result: bool) -> Iterable[Step]:
        return (Say(text),) if is_result else (ask("postern", "you first"),)

    hub = new_hub(postern=postern, writer=back)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem")

        read = await ada.reads(2)

    assert "postern is already at work on this: it is postern → writer who ask." in read[-1]


async def test_an_answer_that_does_not_come_in_time_is_told() -> None:
    def slow(text: str, is_result: bool) -> Iterable[Step]:
        return (Wait(9_000), Say("at last"))

    def asker(text: str, is_result: bool) -> Iterable[Step]:
        if text.startswith("writer could not"):
            return (Say(text.rpartition("\n")[2]),)
        return postern(text, is_result)

    hub = new_hub(postern=asker, writer=slow)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem")

        read = await ada.reads(2)

    assert read[1] == "There was no answer in time."


async def test_a_person_stops_what_agents_ask_each_other() -> None:
    def slow(text: str, is_result: bool) -> Iterable[Step]:
        return (Wait(60), Say("too late"))

    hub = new_hub(postern=postern, writer=slow)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem")
        await ada.reads(1)
        await hub.inbox.receive(replace(hub.message(ada, "/status"), is_private=True))
        status = (await ada.reads(2))[1]
        await ada.says("/cancel")

        assert (await ada.reads(3))[2] == "Stopped."
        await asyncio.sleep(timedelta(hours=2).total_seconds())

    assert "writer is asked by postern: a line, please" in status
    assert len(ada.sees) == 3


async def test_an_agent_that_was_removed_while_it_was_asked_is_told_to_the_asker() -> None:
    def slow(text: str, is_result: bool) -> Iterable[Step]:
        return (Wait(60), Say("too late"))

    def asker(text: str, is_result: bool) -> Iterable[Step]:
        if text.startswith("writer could not"):
            return (Say(text.rpartition("\n")[2]),)
        return postern(text, is_result)

    hub = new_hub(postern=asker, writer=slow)
    ada = hub.person("ada")
    async with hub.running():
        await ada.says("a poem")
        await ada.reads(1)
    hub.routes = {"postern": Route("postern")}
    async with hub.running():
        read = await ada.reads(2)
        await asyncio.sleep(60)

    assert read[1] == 'the agent "writer" is not here any more.'
    assert await hub.store.errands.open_of(hub.agents.created[0][0]) == []


async def _moments() -> list[str]:
    hub = new_hub(postern=postern, writer=writer)
    hub.record(points := CrashPoints())
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("a poem", event_id="e1")
        await ada.reads(2)
    return points.passed


async def _after_a_crash(at: int) -> FakeHub:
    hub = new_hub(postern=postern, writer=writer)
    ada = hub.person("ada")
    async with asyncio.TaskGroup() as group:
        dead = group.create_task(hub.until_crash(CrashPoints(at)))
        group.create_task(_says(hub, "a poem"))
        await dead
        async with hub.running():
            await ada.reads(2)
            await asyncio.sleep(60)
    return hub


async def _says(hub: FakeHub, text: str) -> None:
    while True:
        try:
            async with asyncio.timeout(3):
                await hub.person("ada").says(text, event_id="e1")
        except TimeoutError:
            continue
        return


async def test_a_crash_at_any_moment_leaves_one_answer_of_each() -> None:
    for at in range(1, len(await _moments()) + 1):
        hub = await _after_a_crash(at)

        assert hub.person("ada").sees == [
            "I have asked the writer.",
            "The writer says: All is well.",
        ], f"crash at moment {at}"
        assert hub.agents.runs_started == 4
