"""`/bg`: an agent does something beside the conversation, and says there what came of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from agents.coordination.pipeline import Pipeline
from agents.scripted import Ask, Fail, Say, Step, Wait
from gateway.approvals import ApprovalOptions
from gateway.background import LONGEST_WISH, TIME, told_of_its_end
from gateway.dead_letters import DeadLetters
from gateway.domain.conversations import Conversation
from gateway.domain.errands import Errand, ErrandState
from gateway.domain.messages import MessageKind
from gateway.domain.people import Mode, Route, person_id_of
from gateway.domain.routing import Routing
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import RunRequest
from gateway.groups import Group
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

_ID = re.compile(r"bg-[0-9a-f]{24}")


async def gives(person: FakePerson, text: str, event_id: str | None = None) -> None:
    message = person.hub.message(person, text, event_id)
    is_private = text == "status"
    command = replace(message, kind=MessageKind.COMMAND, is_private=is_private)
    await person.hub.inbox.receive(command)


async def given(person: FakePerson, wish: str) -> str:
    """Have something done in the background; returns its id once the person has read it."""
    seen = len(person.sees)
    await gives(person, f"bg {wish}")
    told = (await person.reads(seen + 1))[seen]
    (found,) = set(_ID.findall(told))
    return found


async def errand(hub: FakeHub, name: str) -> Errand:
    found = await hub.store.errands.get(name)
    assert found is not None
    return found


def all_of(hub: FakeHub) -> str:
    """Return all that the platform shows."""
    return "\n".join(shown.text for shown in hub.platform.messages)


def slow(request: RunRequest) -> Iterable[Step]:
    """Take a minute for what is to be done in the background, and no time for talk."""
    text = request.input[-1].text
    return (Wait(60), Say("All counted.")) if "background" in text else (Say("Hi."),)


async def test_the_person_is_answered_meanwhile_and_hears_what_came_of_it(hub: FakeHub) -> None:
    hub.agents.script = slow
    ada = hub.person("ada")
    name = await given(ada, "count the stars")

    await ada.says("hello")
    read = await ada.reads(3)

    assert read[1:] == ["Hi.", f"**{name}:** All counted."]
    assert hub.agents.overlaps == []
    assert (await errand(hub, name)).state is ErrandState.ANSWERED
    await gives(ada, f"bg cancel {name}")
    assert (await ada.reads(4))[3] == f"`{name}` is over: done."


async def test_it_is_shown_and_stopped_by_its_id(hub: FakeHub) -> None:
    hub.agents.script = slow
    ada = hub.person("ada")
    name = await given(ada, "count the stars")
    await asyncio.sleep(5)

    typed = f"`{name.upper()}`"
    for asked in ("bg", f"bg status {typed}", "status", f"bg cancel {typed}", f"bg status {name}"):
        await gives(ada, asked)
    await asyncio.sleep(120)

    shown = "\n".join(ada.sees)
    assert shown.count(f"`{name}` (postern, since ") == 4
    assert "count the stars" in shown
    assert "At work" in shown
    assert "In the background: " in shown
    assert f"`{name}` is stopped." in shown
    assert shown.endswith("Stopped")
    assert "All counted." not in "".join(ada.sees)


async def test_what_is_stopped_before_it_began_never_runs(hub: FakeHub) -> None:
    hub.agents.go_down()
    ada = hub.person("ada")
    name = await given(ada, "count the stars")
    await gives(ada, f"bg cancel {name}")
    await ada.reads(2)

    hub.agents.come_back()
    await asyncio.sleep(600)

    assert len(ada.sees) == 2
    assert hub.agents.heard == []


async def test_cancel_stops_the_conversation_alone(hub: FakeHub) -> None:
    hub.agents.script = slow
    ada = hub.person("ada")
    name = await given(ada, "count the stars")
    await asyncio.sleep(5)

    await gives(ada, "cancel")

    assert (await ada.reads(3))[1:] == [
        "Nothing is running for you right now.",
        f"**{name}:** All counted.",
    ]


async def test_who_names_nothing_is_asked_which(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await gives(ada, "bg cancel")
    await ada.reads(1)
    await gives(ada, "bg Status")

    assert await ada.reads(2) == [
        "Say which one: `/bg cancel ID`. `/bg` lists them.",
        "Say which one: `/bg status ID`. `/bg` lists them.",
    ]
    assert await hub.store.errands.open_of(person_id_of(ada.identity)) == []


async def test_where_agents_are_paused_nothing_is_begun() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",)))
    async with hub.running():
        ada = hub.on_slack("ada", Conversation("slack", "T1", "D1"))
        await gives(ada, "pause")
        await ada.reads(1)
        await gives(ada, "bg count the stars")
        read = await ada.reads(2)
        await asyncio.sleep(60)

    assert read[1].startswith("Paused on ")
    assert hub.agents.heard == []


async def test_in_a_channel_nothing_is_told_of_what_was_begun_elsewhere() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("slack",)))
    hub.agents.script = slow
    async with hub.running():
        alone = hub.on_slack("ada", Conversation("slack", "T1", "D1"))
        name = await given(alone, "count the stars")
        among_others = hub.on_slack("ada", Conversation("slack", "T1", "C1"))
        await gives(among_others, "bg")
        await gives(among_others, f"bg status {name}")
        await hub.platform.until(lambda: f'Nothing of yours is called "{name}"' in all_of(hub))

    assert "Nothing is done for you in the background" in all_of(hub)
    assert "count the stars" not in all_of(hub)


async def test_no_more_than_a_few_are_done_at_once(hub: FakeHub) -> None:
    hub.agents.script = slow
    ada = hub.person("ada")
    for wish in ("one", "two", "three"):
        await given(ada, wish)

    await gives(ada, "bg four")

    assert (await ada.reads(4))[3].startswith("3 things are done for you in the background already")


async def test_a_wish_has_its_longest(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await gives(ada, f"bg {'x' * (LONGEST_WISH + 1)}")

    assert await ada.reads(1) == [
        "20,000 characters is the most that can be done in the background at once."
    ]


async def test_it_waits_for_no_silence() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(route=Route("postern", quiet_seconds=30)))
    async with hub.running():
        await given(hub.person("ada"), "count the stars")
        await asyncio.sleep(2)

        assert len(hub.agents.heard) == 1


async def test_nobody_sees_or_stops_what_is_another_ones(hub: FakeHub) -> None:
    hub.agents.script = slow
    ada, bob = hub.person("ada"), hub.person("bob")
    name = await given(ada, "count the stars")

    await gives(bob, "bg")
    await gives(bob, f"bg status {name}")
    await gives(bob, f"bg cancel {name}")
    await ada.reads(2)

    said = "\n".join(bob.sees)
    assert said.count(f'Nothing of yours is called "{name}".') == 2
    assert "stars" not in said


async def test_a_shared_agent_does_nothing_in_the_background() -> None:
    options = HubOptions(route=Route("postern", Mode.SHARED))
    hub = FakeHub(MemoryStore(), options=options)
    async with hub.running():
        ada = hub.person("ada")
        await gives(ada, "bg count the stars")
        (told,) = await ada.reads()

    assert told.startswith("postern is shared with others")


async def test_what_it_asks_of_another_agent_comes_back_beside_the_conversation() -> None:
    routes = {name: Route(name) for name in ("postern", "writer")}
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=routes, asking=True))

    def play(request: RunRequest) -> Iterable[Step]:
        heard = request.input[-1]
        if isinstance(heard, ToolResult):
            return (Say("asked"),)
        if "background" in heard.text:
            question = json.dumps({"role": "writer", "question": "a line, please"})
            return (Ask((ToolCall("c1", "ask_agent", question),)),)
        return (Say("it says so") if "writer answers" in heard.text else Say("A line."),)

    hub.agents.script = play
    async with hub.running():
        ada = hub.person("ada")
        name = await given(ada, "a poem")
        await ada.reads(3)
        await asyncio.sleep(10)

    assert ada.sees[1:] == [f"**{name}:** asked", f"**{name}:** it says so"]
    assert (await errand(hub, name)).answer == "it says so"
    (asked,) = await hub.store.errands.asked_for(name)
    assert told_of_its_end(asked) is None
    postern = hub.agents.created[0][2]
    assert [place for agent, place, _ in hub.agents.threads if agent == postern] == [
        f"bg:fake:{name}"
    ]


async def test_whom_it_waits_for_is_told_and_stopped_with_it() -> None:
    routes = {name: Route(name) for name in ("postern", "writer")}
    approvals = ApprovalOptions(tools=frozenset({"current_time"}))
    turns = TurnOptions(approvals=approvals)
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=routes, asking=True, turns=turns))
    question = json.dumps({"role": "writer", "question": "a line, please"})
    hub.agents.will(Ask((ToolCall("c1", "ask_agent", question),)))
    hub.agents.will_say("asked")
    hub.agents.will(Ask((ToolCall("c1", "current_time", "{}"),)))
    hub.agents.will_say("I wait for a yes.")
    async with hub.running():
        ada = hub.person("ada")
        name = await given(ada, "a poem")
        await ada.reads(3)
        for count, asked in enumerate(("bg", f"bg status {name}", f"bg cancel {name}"), 4):
            await gives(ada, asked)
            await ada.reads(count)
        errands = await hub.store.errands.open_of(person_id_of(ada.identity))
        questions = await hub.store.approvals.waiting(ada.conversation.id)

    listed, status = ada.sees[3:5]
    assert listed.count("\n") == 0
    assert status.endswith("\nWaits for writer")
    assert (errands, questions) == ([], [])


async def test_a_group_works_in_the_background_too_while_its_members_are_asked() -> None:
    routes = Routing({name: Route(name) for name in ("a", "b", "team")}, groups=frozenset({"team"}))
    groups = {"team": Group(Pipeline((("a",), ("b",))))}
    hub = FakeHub(MemoryStore(), options=HubOptions(routes=routes, groups=groups))
    hub.agents.will_say("half a poem")
    hub.agents.will_say("a whole poem")
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("/agent team")
        await ada.reads()
        name = await given(ada, "a poem")
        await hub.platform.until(lambda: f"**{name}:** a whole poem" in ada.sees)
        await gives(ada, f"bg status {name}.0")
        await asyncio.sleep(10)

    assert ada.sees[3].startswith(f'Nothing of yours is called "{name}.0"')
    assert len(ada.sees) == 4
    assert (await errand(hub, name)).state is ErrandState.ANSWERED


def asks_first() -> FakeHub:
    """Return a hub whose agent needs a yes to look at the time."""
    approvals = ApprovalOptions(tools=frozenset({"current_time"}))
    hub = FakeHub(MemoryStore(), options=HubOptions(turns=TurnOptions(approvals=approvals)))
    hub.agents.will(Ask((ToolCall("c1", "current_time", "{}"),)))
    hub.agents.will_say("I wait for a yes.")
    return hub


async def test_what_it_needs_a_yes_for_is_decided_beside_the_conversation() -> None:
    hub = asks_first()
    hub.agents.will_say("It is nine.")
    async with hub.running():
        ada = hub.person("ada")
        name = await given(ada, "what time is it?")
        await ada.reads(3)
        (waiting,) = await hub.store.approvals.waiting(ada.conversation.id)
        await gives(ada, f"approve {waiting.id}")
        await hub.platform.until(lambda: f"**{name}:** It is nine." in ada.sees)

    assert (await errand(hub, name)).answer == "It is nine."
    assert [place for _, place, _ in hub.agents.threads] == [f"bg:fake:{name}"]


async def test_what_is_stopped_asks_no_more() -> None:
    hub = asks_first()
    async with hub.running():
        ada = hub.person("ada")
        name = await given(ada, "what time is it?")
        await ada.reads(3)
        (question,) = (shown for shown in hub.platform.messages if shown.buttons)
        await gives(ada, f"bg cancel {name}")
        await ada.reads(4)
        await asyncio.sleep(10)
        left = await hub.store.approvals.waiting(ada.conversation.id)

    assert question.buttons == ()
    assert question.texts[0].startswith("Your agent wants to use `current_time`:")
    assert "**Denied by ada**" in question.text
    assert left == []
    assert len(hub.agents.heard) == 1


async def test_cancel_leaves_what_is_asked_for_it() -> None:
    hub = asks_first()
    async with hub.running():
        ada = hub.person("ada")
        await given(ada, "what time is it?")
        await ada.reads(3)
        await gives(ada, "cancel")
        read = await ada.reads(4)
        left = await hub.store.approvals.waiting(ada.conversation.id)

    assert read[3] == "Nothing is running for you right now."
    assert len(left) == 1


async def test_what_failed_is_told_and_can_be_done_anew(hub: FakeHub) -> None:
    hub.agents.will(Fail("llm_error", "the model is not there."))
    ada = hub.person("ada")
    name = await given(ada, "count the stars")
    assert (await ada.reads(2))[1].endswith("the model is not there.")
    await gives(ada, f"bg status {name}")
    assert (await ada.reads(3))[2].endswith("\nFailed: the model is not there.")
    hub.agents.will_say("All counted.")

    letters = DeadLetters(hub.store, hub.routes, hub.clock)
    (letter,) = await letters.page(1)
    await letters.replay(letter)

    assert (await ada.reads(4))[3] == f"**{name}:** All counted."


async def test_what_nobody_ended_in_a_week_is_given_up_and_told() -> None:
    hub = FakeHub(MemoryStore())
    ada = hub.person("ada")
    person = person_id_of(ada.identity)
    hub.agents.script = slow
    async with hub.running():
        name = await given(ada, "count the stars")
    await asyncio.sleep(TIME.total_seconds())

    async with hub.running():
        await hub.platform.until(lambda: f"`{name}` was not done in a week" in ada.sees[-1])

    assert await hub.store.errands.open_of(person) == []


@pytest.mark.parametrize("what", ["story", "cancelled", "asked and cancelled"])
async def test_a_crash_at_any_moment_leaves_one_answer_or_none(what: str) -> None:
    moments = await _told(what, None)

    for at in range(1, moments + 1):
        await _told(what, at)

    assert moments > 20


READ = {"story": 1, "cancelled": 1, "asked and cancelled": 3}
"""Messages before anything is stopped."""


async def _told(what: str, at: int | None) -> int:
    """Have something done, die at a moment, and start again; returns how many moments there are."""
    hub, is_stopped = _begun(what), what != "story"
    ada, points = hub.person("ada"), CrashPoints(at)
    async with asyncio.TaskGroup() as group:
        story = group.create_task(_story(ada, READ[what], is_stopped=is_stopped))
        if at is None:
            hub.record(points)
        else:
            async with asyncio.timeout(60):
                await hub.until_crash(points)
        async with hub.running():
            await story
            passed = len(points.passed)
            await asyncio.sleep(10)
    answers = [text for text in ada.sees if text.endswith("All counted.")]
    assert len(answers) == (0 if is_stopped else 1), at
    assert len(ada.sees) == READ[what] + 1, at
    assert await hub.store.approvals.waiting(ada.conversation.id) == [], at
    assert not any(shown.buttons for shown in hub.platform.messages), at
    return passed


def _begun(what: str) -> FakeHub:
    if what == "asked and cancelled":
        return asks_first()
    hub = FakeHub(MemoryStore(), options=HubOptions(turns=TurnOptions(most_in_background=1)))
    hub.agents.will(Wait(2 if what == "story" else 600), Say("All counted."))
    return hub


async def _story(ada: FakePerson, read: int, *, is_stopped: bool) -> None:
    await _until_acknowledged(ada, "bg count the stars", "e1")
    await ada.reads(read)
    if is_stopped:
        (name,) = set(_ID.findall(ada.sees[0]))
        await _until_acknowledged(ada, f"bg cancel {name}", "e2")
    await ada.reads(read + 1)


async def _until_acknowledged(person: FakePerson, text: str, event_id: str) -> None:
    while True:
        try:
            async with asyncio.timeout(3):
                await gives(person, text, event_id)
        except TimeoutError:
            continue
        return
