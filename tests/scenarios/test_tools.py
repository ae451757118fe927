"""Tools in a turn: made once, bounded, shown while they run, and never a way around the rules."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from agents.scripted import Ask, Say, Think, Wait
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, person_id_of
from gateway.domain.tools import Effect, ToolCall
from gateway.domain.turns import RunRequest
from gateway.ports import Streaming
from gateway.tool_lines import ToolLevel
from gateway.turn_runner import TurnOptions
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.virtual_time import LoopClock
from toolbox.executor import Executor
from toolbox.files import file_tools
from toolbox.registry import Registry, Tool, tool_from
from toolbox.talking import talking_tools


class Hands:
    """Tools that remember what they did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, what: str) -> str:
        """Send something out into the world."""
        self.done.append(what)
        return f"sent {what}"

    async def work(self, seconds: float) -> str:
        """Work for a while."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(seconds)
        self.at_once -= 1
        return f"worked {seconds:g} s"

    def tools(self) -> list[Tool]:
        return [tool_from(self.send, effect=Effect.EXTERNAL), tool_from(self.work)]


def _hub(
    hands: Hands, *, level: ToolLevel = ToolLevel.SUMMARY, streams: bool = False, more: bool = False
) -> FakeHub:
    store = MemoryStore()
    extra = [*file_tools(MemoryArtifacts(LoopClock())), *talking_tools(store, LoopClock(), {})]
    options = HubOptions(
        streaming=Streaming(interval_seconds=0.1) if streams else None,
        turns=TurnOptions(tool_lines=level),
    )
    registry = Registry([*hands.tools(), *(extra if more else [])])
    return FakeHub(store, options=options, toolbox=Executor(registry))


@asynccontextmanager
async def _with_more() -> AsyncGenerator[FakeHub]:
    hub = _hub(Hands(), more=True)
    async with hub.running():
        yield hub


def _asks(name: str, arguments: str, call: str = "c1") -> Ask:
    return Ask((ToolCall(call, name, arguments),))


CRASHES: dict[str, tuple[str, list[str]]] = {
    "before store.turns.intend_tool_call": ("sent mail", ["mail"]),
    "after store.turns.intend_tool_call": ("may or may not have happened", []),
    "before toolbox.call": ("may or may not have happened", []),
    "after toolbox.call": ("may or may not have happened", ["mail"]),
    "before store.turns.record_tool_result": ("may or may not have happened", ["mail"]),
    "after store.turns.record_tool_result": ("sent mail", ["mail"]),
}


@pytest.mark.parametrize("moment", CRASHES)
async def test_an_external_call_is_never_made_twice_over_a_crash(moment: str) -> None:
    said, done = CRASHES[moment]
    hands = Hands()
    hub = _hub(hands)
    points = CrashPoints(at_name=moment)
    hub.agents.will(_asks("send", '{"what": "mail"}'))
    hub.agents.will_say("That is how it went.")
    ada = hub.person("ada")

    async with asyncio.TaskGroup() as group:
        story = group.create_task(ada.says("send it", event_id="e1"))
        await hub.until_crash(points)
        async with hub.running():
            await story
            seen = await ada.reads()

    assert seen == ["That is how it went."]
    assert hands.done == done
    assert said in hub.agents.returned[0][0].text
    assert hub.agents.runs_started == 2


async def _sends_two_under_one_id(points: CrashPoints, hands: Hands) -> FakeHub:
    hub = _hub(hands)
    for what in ("mail", "letter"):
        hub.agents.will(_asks("send", f'{{"what": "{what}"}}'))
    hub.agents.will_say("Both are out.")
    ada = hub.person("ada")
    hub.record(points)
    async with asyncio.TaskGroup() as group:
        story = group.create_task(ada.says("send both", event_id="e1"))
        if points.at is not None:
            await hub.until_crash(points)
        async with hub.running():
            await story
            await ada.reads()
    return hub


@pytest.mark.parametrize(
    ("moment", "said", "done"),
    [
        ("before toolbox.call", "may or may not have happened", ["mail"]),
        ("after toolbox.call", "may or may not have happened", ["mail", "letter"]),
        ("after store.turns.record_tool_result", "sent letter", ["mail", "letter"]),
    ],
)
async def test_a_second_call_under_the_id_of_the_first_is_a_call_of_its_own(
    moment: str, said: str, done: list[str]
) -> None:
    whole = CrashPoints()
    await _sends_two_under_one_id(whole, Hands())
    _, second = (n for n, name in enumerate(whole.passed, 1) if name == moment)
    hands = Hands()

    hub = await _sends_two_under_one_id(CrashPoints(second), hands)

    first, last = (results[0] for results in hub.agents.returned)
    assert (first.text, first.call_id, last.call_id) == ("sent mail", "c1", "c1")
    assert said in last.text
    assert hands.done == done


async def test_the_same_call_again_and_again_is_stopped_in_words() -> None:
    hands = Hands()
    hub = _hub(hands)
    rounds = iter(range(100))

    def again(request: RunRequest) -> tuple[Ask | Say, ...]:
        number = next(rounds)
        return (_asks("send", '{"what": "x"}', f"c{number}"),) if number < 6 else (Say("Enough."),)

    hub.agents.script = again
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("loop")
        seen = await ada.reads()

    assert seen == ["Enough."]
    assert hands.done == ["x"] * 4
    assert "4 times in this turn" in hub.agents.returned[4][0].text
    assert 'tool_calls_total{outcome="repeated"} 2.0' in hub.metrics.render().decode()


async def test_what_no_database_could_keep_of_a_result_is_replaced() -> None:
    hands = Hands()
    hub = _hub(hands)
    hub.agents.will(_asks("send", '{"what": "a\\u0000b"}'))
    hub.agents.will_say("Sent.")
    async with hub.running():
        await hub.person("ada").says("send it")
        await hub.person("ada").reads()

    assert hands.done == ["a\0b"]
    assert hub.agents.returned[0][0].text == "sent a\ufffdb"


async def test_parallel_calls_are_made_at_once_within_the_limit_and_come_back_in_order() -> None:
    hands = Hands()
    hub = _hub(hands)
    calls = tuple(ToolCall(f"c{n}", "work", f'{{"seconds": {20 - n}}}') for n in range(12))
    hub.agents.will(Ask(calls))
    hub.agents.will_say("Done.")
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("work")
        await ada.reads()

    assert hands.most_at_once == 8
    assert [result.call_id for result in hub.agents.returned[0]] == [call.id for call in calls]
    assert hub.agents.returned[0][0].text == "worked 20 s"


@pytest.mark.parametrize(
    ("level", "line"),
    [(ToolLevel.SUMMARY, "_work…_"), (ToolLevel.ALL, '- `work {"seconds": 5}`…')],
)
async def test_a_slow_tool_is_shown_while_it_runs_and_nothing_of_it_stays(
    level: ToolLevel, line: str
) -> None:
    hub = _hub(Hands(), level=level, streams=True)
    hub.agents.will(Think("a secret thought"), _asks("work", '{"seconds": 5}'))
    hub.agents.will_say("All done.", pause=1)
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("work")
        during = await ada.reads()
        await hub.platform.until(lambda: ada.sees == ["All done."])

    assert during == [line]
    texts = [text for message in hub.platform.messages for text in message.texts]
    assert len(hub.platform.messages) == 1
    assert not any("secret" in text for text in texts)


async def test_quick_tools_and_tools_at_level_off_are_not_shown() -> None:
    quick, off = _hub(Hands(), streams=True), _hub(Hands(), level=ToolLevel.OFF, streams=True)
    for hub, seconds in ((quick, 0.5), (off, 5)):
        hub.agents.will(_asks("work", f'{{"seconds": {seconds}}}'))
        hub.agents.will(Wait(3), Say("All done."))
        async with hub.running():
            ada = hub.person("ada")
            await ada.says("work")
            await ada.reads()

    shown = [message.texts for hub in (quick, off) for message in hub.platform.messages]
    assert shown == [["All done."], ["All done."]]


async def test_a_saved_file_goes_with_the_answer() -> None:
    async with _with_more() as hub:
        hub.agents.will(_asks("save_file", '{"name": "plan.md", "text": "# Plan"}'))
        hub.agents.will(_asks("attach_file", '{"name": "plan.md"}', "c2"))
        hub.agents.will_say("Here it is.")
        ada = hub.person("ada")
        await ada.says("make a plan")
        await ada.reads()

    (shown,) = hub.platform.messages
    assert [(file.name, file.size_bytes) for file in shown.files] == [("plan.md", 6)]


async def test_nobody_reads_another_persons_files() -> None:
    async with _with_more() as hub:
        hub.agents.will(_asks("save_file", '{"name": "diary.md", "text": "canary"}'))
        hub.agents.will_say("Kept.")
        ada, bob = hub.person("ada"), hub.person("bob")
        await ada.says("keep this")
        await ada.reads()
        names = ("diary.md", "../diary.md", f"../{person_id_of(_identity('ada'))}/diary.md")
        for count, name in enumerate(names, start=1):
            hub.agents.will(_asks("read_file", f'{{"name": "{name}"}}', f"r{count}"))
            hub.agents.will_say("Nothing.")
            await bob.says("read it")
            await bob.reads(count)

    assert [results[0].is_error for results in hub.agents.returned] == [False, True, True, True]
    assert not any("canary" in r.text for results in hub.agents.returned[1:] for r in results)


async def test_suggestions_are_buttons_of_the_answer_and_never_commands() -> None:
    async with _with_more() as hub:
        hub.agents.will(_asks("suggest_replies", '{"replies": ["Yes", "No, thanks"]}'))
        hub.agents.will_say("Shall I?")
        hub.agents.will(_asks("suggest_replies", '{"replies": ["/approve a1b2c3d4"]}', "c2"))
        hub.agents.will_say("And now?")
        ada = hub.person("ada")
        await ada.says("one")
        await ada.reads(1)
        await ada.says("two")
        await ada.reads(2)

    first, second = hub.platform.messages
    assert [button.says for button in first.buttons] == ["Yes", "No, thanks"]
    assert second.buttons == ()
    assert "can not be a command" in hub.agents.returned[1][0].text


async def test_no_more_replies_are_suggested_than_every_platform_shows() -> None:
    async with _with_more() as hub:
        for count in (25, 26):
            replies = json.dumps({"replies": [f"Tea {n}" for n in range(count)]})
            hub.agents.will(_asks("suggest_replies", replies, f"c{count}"))
            hub.agents.will_say("Which?")
        ada = hub.person("ada")
        await ada.says("one")
        await ada.reads(1)
        await ada.says("two")
        await ada.reads(2)

    assert [len(message.buttons) for message in hub.platform.messages] == [25, 0]
    assert hub.agents.returned[1][0].text.endswith("Suggest 1 to 25 replies, none of them empty.")


async def test_an_agent_posts_only_where_it_may() -> None:
    async with _with_more() as hub:
        ada = hub.person("ada")
        elsewhere = Conversation("fake", "w1", "dm-bob")
        hub.agents.will(
            Ask(
                (
                    ToolCall("c1", "send_message", _post(elsewhere)),
                    ToolCall("c2", "send_message", _post(ada.conversation)),
                )
            )
        )
        hub.agents.will_say("Posted.")
        await ada.says("post")
        await ada.reads(2)

    refused, accepted = hub.agents.returned[0]
    assert (refused.is_error, accepted.is_error) == (True, False)
    assert hub.platform.visible(elsewhere.id) == []
    assert sorted(ada.sees) == ["Posted.", "hello there"]


def _identity(name: str) -> Identity:
    return Identity("fake", "w1", name)


def _post(place: Conversation) -> str:
    return f'{{"conversation": "{place.id}", "text": "hello there"}}'


async def test_history_is_searched_in_this_conversation_alone() -> None:
    async with _with_more() as hub:
        ada, bob = hub.person("ada"), hub.person("bob")
        await bob.says("the blue canary sings")
        await bob.reads()
        await ada.says("my blue boat leaks")
        await ada.reads()
        hub.agents.will(_asks("search_history", '{"words": "BLUE"}'))
        hub.agents.will_say("Found.")
        await ada.says("what was blue?")
        await ada.reads(2)

    (result,) = hub.agents.returned[0]
    assert "my blue boat leaks" in result.text
    assert "canary" not in result.text


async def test_a_tool_that_came_during_the_turn_is_not_called_past_its_rules() -> None:
    hands, registry = Hands(), Registry()

    async def look() -> str:
        """Look, while the tools of some server elsewhere come."""
        registry.lend("elsewhere", [tool_from(hands.send, effect=Effect.EXTERNAL)])
        return "seen"

    registry.add(tool_from(look))
    hub = FakeHub(MemoryStore(), toolbox=Executor(registry))
    hub.agents.will(_asks("look", "{}"))
    hub.agents.will(_asks("send", '{"what": "mail"}', "c2"))
    hub.agents.will_say("That is how it went.")
    async with hub.running():
        ada = hub.person("ada")
        await ada.says("send it")
        await ada.reads()

    assert hands.done == []
    assert 'There is no tool "send".' in hub.agents.returned[1][0].text
