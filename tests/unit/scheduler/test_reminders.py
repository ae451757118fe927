"""Agents that make themselves come back, within limits; and wakeups within theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.domain.ids import LaneId, PersonId, TurnId, WorkerId
from gateway.domain.people import Route
from gateway.domain.schedules import Schedule, Wakeup
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn, TurnOutcome, TurnRef, TurnState
from gateway.errors import BadInput
from gateway.telemetry import Metrics
from scheduler.limits import WakeupLimits
from scheduler.reminders import ReminderDesk, ReminderLimits
from scheduler.ticker import Ticker
from storage.memory.store import MemoryStore
from tests.contracts.store.words import NOW, message, place, wakeup
from toolbox.executor import Executor
from toolbox.registry import Registry
from toolbox.reminders import reminder_tools


class Minutes:
    """A store, its reminders and their ticker, in a time of their own."""

    def __init__(self, limits: ReminderLimits | None = None) -> None:
        self.moment = NOW
        self.store = MemoryStore()
        self.reminders = ReminderDesk(self.store.schedules, self, limits)
        self._ticker = Ticker(self.store, {"postern": Route("postern")}, self, Metrics())

    def now(self) -> datetime:
        return self.moment

    async def next_wakeup(self) -> Turn:
        """Let the next reminder come; return the turn that it makes."""
        due = await self.store.schedules.next_due()
        assert due is not None
        self.moment = due
        await self._ticker.fire_due()
        lease = timedelta(seconds=30)
        claim = await self.store.turns.claim(WorkerId("local"), 1, lease, due)
        (turn,) = claim.turns
        await self.store.turns.finish(turn.ref, TurnOutcome(TurnState.DONE), due)
        return turn

    async def waiting(self) -> list[Schedule]:
        return await self.store.schedules.in_conversation(place().id, 100)


def a_turn(*, is_wakeup: bool = False) -> Turn:
    first = wakeup("operators@slot") if is_wakeup else message("m1")
    return Turn(
        ref=TurnRef(TurnId("turn-1"), LaneId("ada/postern"), 1),
        person=PersonId("ada"),
        role="postern",
        conversation=place(),
        messages=(first,),
        attempt=1,
        started_at=NOW,
    )


async def test_a_reminder_comes_back_to_the_person_who_was_answered() -> None:
    minutes = Minutes()

    said = await minutes.reminders.remind(a_turn(), "in 20 minutes", "Feed the cat.")

    turn = await minutes.next_wakeup()
    assert said == "Set: once, Mon 2026-01-05 09:20 (UTC). Next: Mon 2026-01-05 09:20."
    assert minutes.moment == NOW + timedelta(minutes=20)
    assert turn.messages[0].text.startswith("Feed the cat.")
    assert turn.messages[0].sender.identity == message("m1").sender.identity


async def test_the_same_reminder_in_the_same_turn_is_kept_once() -> None:
    minutes = Minutes()

    for _ in range(3):
        await minutes.reminders.remind(a_turn(), "in 20 minutes", "Feed the cat.")

    assert len(await minutes.waiting()) == 1


async def test_reminders_do_not_pile_up() -> None:
    minutes = Minutes(ReminderLimits(waiting=3))
    for number in range(3):
        await minutes.reminders.remind(a_turn(), "in 20 minutes", f"number {number}")

    with pytest.raises(BadInput, match="3 reminders wait"):
        await minutes.reminders.remind(a_turn(), "in 20 minutes", "one more")

    assert len(await minutes.waiting()) == 3


async def test_reminders_of_one_person_do_not_pile_up_over_many_conversations() -> None:
    minutes = Minutes(ReminderLimits(of_person=3))
    turns = [replace(a_turn(), conversation=place(f"c{number}")) for number in range(4)]
    for number, turn in enumerate(turns[:3]):
        await minutes.reminders.remind(turn, "in 20 minutes", f"number {number}")

    with pytest.raises(BadInput, match="3 reminders wait for this person"):
        await minutes.reminders.remind(turns[3], "in 20 minutes", "one more")
    others = replace(turns[3], messages=(message("m2", user="bob"),))
    await minutes.reminders.remind(others, "in 20 minutes", "one of Bob's")
    await minutes.next_wakeup()
    await minutes.reminders.remind(turns[3], "in 20 minutes", "one more")

    left = await minutes.store.schedules.page("", 100)
    assert [each.name for each in left] == ["one more"]


async def test_a_reminder_that_came_makes_room() -> None:
    minutes = Minutes(ReminderLimits(waiting=1))
    for number in range(5):
        await minutes.reminders.remind(a_turn(), "in 1 minute", f"number {number}")
        await minutes.next_wakeup()

    assert len(await minutes.waiting()) == 1


async def test_wakeups_do_not_make_wakeups_without_end() -> None:
    minutes = Minutes()
    turn = a_turn()
    for _ in range(4):
        await minutes.reminders.remind(turn, "in 1 minute", "again")
        turn = await minutes.next_wakeup()

    with pytest.raises(BadInput, match="the person has to write"):
        await minutes.reminders.remind(turn, "in 1 minute", "again")


async def test_a_wakeup_sets_nothing_that_repeats() -> None:
    with pytest.raises(BadInput, match="only a single reminder"):
        await Minutes().reminders.remind(a_turn(is_wakeup=True), "every day at 9", "again")


@pytest.mark.parametrize("when", ["every 5 minutes", "every 10m"])
async def test_an_agent_does_not_wake_itself_too_often(when: str) -> None:
    with pytest.raises(BadInput, match="too often"):
        await Minutes().reminders.remind(a_turn(), when, "again")


async def test_the_tool_tells_the_agent_what_was_understood_or_why_not() -> None:
    toolbox = Executor(Registry(reminder_tools(Minutes().reminders)))
    spec, *_ = toolbox.specs(a_turn())

    done = await toolbox.call(
        a_turn(), ToolCall("c1", spec.name, '{"when": "tomorrow at 9", "text": "Look."}')
    )
    refused = await toolbox.call(
        a_turn(), ToolCall("c2", spec.name, '{"when": "soon", "text": "Look."}')
    )

    assert set(spec.parameters["properties"]) == {"when", "text"}  # type: ignore[call-overload]
    assert (done.is_error, "Tue 2026-01-06 09:00" in done.text) == (False, True)
    assert (refused.is_error, "Some that I know" in refused.text) == (True, True)


async def test_reminders_are_listed_and_dropped_by_their_id() -> None:
    toolbox = Executor(Registry(reminder_tools(Minutes().reminders)))
    said = '{"when": "tomorrow at 9", "text": "Look."}'
    await toolbox.call(a_turn(), ToolCall("c1", "schedule_reminder", said))
    listed = await toolbox.call(a_turn(), ToolCall("c2", "list_reminders", "{}"))
    reminder = listed.text.removeprefix("- ").partition(":")[0]

    dropped = await toolbox.call(a_turn(), _cancel("c3", reminder))
    again = await toolbox.call(a_turn(), _cancel("c4", reminder))
    after = await toolbox.call(a_turn(), ToolCall("c5", "list_reminders", "{}"))

    assert listed.text.endswith(": Look.")
    assert (dropped.is_error, again.is_error) == (False, True)
    assert after.text == "No reminder waits here."


def _cancel(call: str, reminder: str) -> ToolCall:
    return ToolCall(call, "cancel_reminder", f'{{"reminder": "{reminder}"}}')


async def _limited(most: int | None) -> WakeupLimits:
    minutes = Minutes()
    woken = Wakeup(place(), message("m1").sender, "Look.", max_actions=most)
    await minutes.store.schedules.put(Schedule("operators", "every:60", "UTC", None, wakeup=woken))
    return WakeupLimits(
        Executor(Registry(reminder_tools(minutes.reminders))), minutes.store.schedules
    )


def _call(number: int) -> ToolCall:
    return ToolCall(f"c{number}", "schedule_reminder", '{"when": "in 1 hour", "text": "x"}')


async def test_a_wakeup_carries_out_no_more_calls_than_its_schedule_allows() -> None:
    toolbox = await _limited(2)
    turn = a_turn(is_wakeup=True)

    results = [await toolbox.call(turn, _call(number)) for number in (1, 1, 2, 3)]

    assert [result.is_error for result in results] == [False, False, False, True]
    assert "may make 2 tool calls" in results[-1].text


@pytest.mark.parametrize(("most", "is_wakeup"), [(None, True), (0, False)])
async def test_other_turns_are_not_counted(most: int | None, is_wakeup: bool) -> None:
    toolbox = await _limited(most)

    results = [await toolbox.call(a_turn(is_wakeup=is_wakeup), _call(n)) for n in range(5)]

    assert not any(result.is_error for result in results)
