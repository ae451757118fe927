"""Agents that work for another one, and need a person's yes: the work waits, and goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from agents.coordination.pipeline import Pipeline
from agents.scripted import Ask, Say, Step, Wait
from gateway.approvals import ApprovalOptions
from gateway.domain.conversations import Conversation
from gateway.domain.people import Route
from gateway.domain.routing import Routing
from gateway.domain.tools import Effect, ToolCall, ToolResult
from gateway.domain.turns import RunRequest
from gateway.groups import Group
from gateway.teamwork import Teamwork
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions
from tests.fakes.virtual_time import LoopClock
from tests.scenarios.test_delegation import ask
from toolbox.asking import asking_tools
from toolbox.executor import Executor
from toolbox.registry import Registry, tool_from

ROUTES = Routing(
    {name: Route(name) for name in ("postern", "clerk", "team")}, groups=frozenset({"team"})
)
STORED = {
    f"after store.{step}"
    for step in (
        "approvals.ask",
        "approvals.decide",
        "errands.change",
        "turns.record_tool_result",
        "turns.finish",
    )
}
"""The moments at which it goes on for good."""
PAY = ToolCall("c1", "pay", '{"euros": 5}')


class Office:
    """An agent that has its clerk pay, who needs a yes for that."""

    def __init__(
        self, *, slow_seconds: float = 0, patience: timedelta = timedelta(hours=5)
    ) -> None:
        self.paid: list[int] = []
        self.heard: list[str] = []
        """What the first agent heard of its clerk."""
        self._slow_seconds = slow_seconds
        approvals = ApprovalOptions(tools=frozenset({"pay"}), wait=patience)
        turns = TurnOptions(deadline_seconds=20_000, approvals=approvals)
        groups = {"team": Group(Pipeline((("clerk",), ("postern",))))}
        store = MemoryStore()
        asking = asking_tools(Teamwork(store, LoopClock(), ROUTES))
        pay = tool_from(self.pay, effect=Effect.EXTERNAL)
        self.hub = FakeHub(
            store,
            options=HubOptions(routes=ROUTES, turns=turns, groups=groups),
            toolbox=Executor(Registry([pay, *asking])),
        )
        self.hub.agents.script = self._play
        self.ada = self.hub.person("ada")

    async def pay(self, euros: int) -> str:
        """Pay somebody."""
        self.paid.append(euros)
        return f"{euros} euros are paid"

    def _play(self, request: RunRequest) -> Iterable[Step]:
        roles = {agent: role for _, role, agent in self.hub.agents.created}
        heard = request.input[-1]
        part = self._clerk if roles[request.session.agent] == "clerk" else self._postern
        return part(heard.text, isinstance(heard, ToolResult))

    def _postern(self, text: str, is_result: bool) -> Iterable[Step]:
        if "clerk answers" in text or "clerk could not" in text or "so far" in text:
            self.heard.append(text.rpartition("\n")[2])
            return (Say(f"My clerk: {self.heard[-1]}"),)
        return (Say("I have told my clerk."),) if is_result else (ask("clerk", "pay Bob"),)

    def _clerk(self, text: str, is_result: bool) -> Iterable[Step]:
        if is_result:
            return (Wait(self._slow_seconds), Say("I wait for a yes."))
        if "said yes" in text:
            return (Say("It is paid."),)
        if "said no" in text or "Nobody decided" in text:
            return (Say("I may not."),)
        return (Ask((PAY,)),)

    async def until_asked(self) -> tuple[str, str]:
        """Wait for the question; return what its buttons say, the yes first."""
        await self.hub.platform.until(lambda: len(self._buttons()) == 2)
        yes, no = self._buttons()
        return yes, no

    def _buttons(self) -> list[str]:
        return [b.says for message in self.hub.platform.messages for b in message.buttons]

    async def reads(self, text: str) -> None:
        await self.hub.platform.until(lambda: text in self.ada.sees)

    async def open_errands(self) -> list[str]:
        owner = self.hub.agents.created[0][0]
        return [errand.id for errand in await self.hub.store.errands.open_of(owner)]


@pytest.mark.parametrize(
    ("answer", "outcome", "paid"), [(0, "It is paid.", [5]), (1, "I may not.", [])]
)
async def test_the_asker_hears_what_came_of_it_when_it_is_decided(
    answer: int, outcome: str, paid: list[int]
) -> None:
    office = Office()
    async with office.hub.running():
        await office.ada.says("pay Bob")
        buttons = await office.until_asked()
        await asyncio.sleep(1_000)
        before = list(office.heard)
        await office.ada.says(buttons[answer])
        await office.reads(f"My clerk: {outcome}")
        await asyncio.sleep(60)

    assert (before, office.heard, office.paid) == ([], [outcome], paid)
    assert not any("I wait for a yes" in text for text in office.ada.sees)
    assert outcome not in office.ada.sees
    assert await office.open_errands() == []


async def test_a_decision_that_comes_while_the_agent_still_speaks_is_waited_for_too() -> None:
    office = Office(slow_seconds=300)
    async with office.hub.running():
        await office.ada.says("pay Bob")
        yes, _ = await office.until_asked()
        await office.ada.says(yes)
        await office.reads("My clerk: It is paid.")

    assert office.heard == ["It is paid."]


async def test_without_a_decision_the_asker_is_told_that_nobody_gave_one() -> None:
    office = Office(patience=timedelta(minutes=10))
    async with office.hub.running():
        await office.ada.says("pay Bob")
        await office.reads("My clerk: I may not.")
        await asyncio.sleep(60)

    assert office.paid == []
    assert await office.open_errands() == []


async def test_after_its_time_the_asker_is_told_of_it_and_a_late_yes_still_counts() -> None:
    office = Office()
    async with office.hub.running():
        await office.ada.says("pay Bob")
        yes, _ = await office.until_asked()
        await asyncio.sleep(4_000)
        told = list(office.heard)
        await office.ada.says(yes)
        await office.reads("It is paid.")
        await asyncio.sleep(60)

    assert told == [
        "There was no answer in time: it waits until somebody has approved what it wants to do."
    ]
    assert office.paid == [5]
    assert await office.open_errands() == []


async def test_who_stops_it_all_hears_no_more_of_it() -> None:
    office = Office(patience=timedelta(minutes=10))
    async with office.hub.running():
        await office.ada.says("pay Bob")
        await office.until_asked()
        await office.ada.says("/cancel")
        await office.reads("Stopped.")
        seen = list(office.ada.sees)
        await asyncio.sleep(700)

    assert office.ada.sees == seen
    assert (office.paid, office.heard) == ([], [])
    assert await office.open_errands() == []


async def test_a_group_waits_for_what_its_member_may_do() -> None:
    office = Office()
    async with office.hub.running():
        await office.ada.says("@team pay Bob")
        yes, _ = await office.until_asked()
        await asyncio.sleep(300)
        await office.ada.says(yes)
        await office.reads("**postern:** My clerk: clerk: It is paid.")

    assert office.paid == [5]
    assert "**clerk:** It is paid." in office.ada.sees
    assert await office.open_errands() == []


async def test_what_was_asked_for_in_private_is_asked_about_in_private() -> None:
    square = Conversation("fake", "w1", "town-square")
    office = Office()
    async with office.hub.running():
        said = replace(office.hub.message(office.ada, "pay Bob"), conversation=square)
        await office.hub.inbox.receive(replace(said, is_private=True, handle="handle-1"))
        yes, _ = await office.until_asked()

    delivery = await office.hub.store.deliveries.get(f"approval-{yes.split()[1]}")
    assert delivery is not None
    assert (delivery.handle, delivery.is_private) == ("handle-1", True)


async def whole_story(office: Office) -> None:
    yes, _ = await office.until_asked()
    await says_until_acknowledged(office.ada, yes, "e2")
    await office.reads("My clerk: It is paid.")
    await asyncio.sleep(60)


async def says_until_acknowledged(person: FakePerson, text: str, event_id: str) -> None:
    while True:
        try:
            async with asyncio.timeout(3):
                await person.says(text, event_id=event_id)
        except TimeoutError:
            continue
        return


async def test_a_crash_at_any_stored_step_pays_once_and_ends_the_errand_once() -> None:
    office = Office()
    office.hub.record(points := CrashPoints())
    async with office.hub.running():
        await office.ada.says("pay Bob", event_id="e1")
        await whole_story(office)
    stored = [n for n, name in enumerate(points.passed, 1) if name in STORED]
    assert len(stored) > 12

    for at in stored:
        office = Office()
        async with asyncio.TaskGroup() as group:
            talk = group.create_task(says_until_acknowledged(office.ada, "pay Bob", "e1"))
            story = group.create_task(whole_story(office))
            async with asyncio.timeout(600):
                await office.hub.until_crash(CrashPoints(at))
            async with office.hub.running(), asyncio.timeout(3_600):
                await talk
                await story

        when = f"died {points.passed[at - 1]} ({at})"
        assert (office.heard, office.paid) == (["It is paid."], [5]), when
        assert await office.open_errands() == [], when
