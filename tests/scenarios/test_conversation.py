"""What people can count on in an ordinary conversation."""

from __future__ import annotations

import asyncio

from agents.scripted import Ask, Say
from gateway.answer import LONG_TEXT
from gateway.domain.people import ZONE_NOTE, Route, person_id_of
from gateway.domain.tools import ToolCall
from gateway.ports import Streaming
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, HubOptions
from tests.fakes.platform import FakeAdapter, FakePlatform


def _texts(hub: FakeHub) -> list[list[str]]:
    """What the agents heard, without the envelope line."""
    return [[text.partition("\n")[2] for text in turn] for turn in hub.agents.heard]


async def test_a_message_is_answered(hub: FakeHub) -> None:
    hub.agents.will_say("Hello Ada.")

    await hub.person("ada").says("hello")

    assert await hub.person("ada").reads() == ["Hello Ada."]


async def test_one_event_delivered_100_times_gives_one_turn(hub: FakeHub) -> None:
    ada = hub.person("ada")

    await asyncio.gather(*(ada.says("hello", event_id="e1") for _ in range(100)))
    await ada.reads()
    await asyncio.sleep(60)

    assert hub.agents.runs_started == 1
    assert len(ada.sees) == 1


async def test_messages_sent_during_a_turn_wait_for_the_next_and_coalesce(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will_say("first", after=5)
    hub.agents.will_say("second")
    await ada.says("one")
    await asyncio.sleep(1)
    await ada.says("two")
    await ada.says("three")

    seen = await ada.reads(2)

    assert seen == ["first", "second"]
    assert _texts(hub) == [["one"], ["two", "three"]]


async def test_with_a_quiet_window_three_quick_messages_are_one_turn() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(route=Route("postern", quiet_seconds=2)))
    async with hub.running():
        ada = hub.person("ada")
        for text in ("one", "two", "three"):
            await ada.says(text)
            await asyncio.sleep(0.5)
        await ada.reads()

    assert _texts(hub) == [["one", "two", "three"]]


async def test_two_people_never_see_each_others_text(hub: FakeHub) -> None:
    people = [hub.person(f"p{number}") for number in range(20)]

    await asyncio.gather(*(person.says(f"secret of {person.name}.") for person in people))
    answers = [await person.reads() for person in people]

    for person, answer in zip(people, answers, strict=True):
        others = {other.name for other in people} - {person.name}
        assert f"secret of {person.name}." in answer[0]
        assert not any(f"secret of {name}." in answer[0] for name in others)
    assert len(hub.agents.created) == 20


async def test_a_tool_call_is_carried_out_and_its_result_returned(hub: FakeHub) -> None:
    hub.agents.will(Say("Let me look. "), Ask((ToolCall("c1", "current_time", "{}"),)))
    hub.agents.will_say("It is nine.")
    ada = hub.person("ada")

    await ada.says("what time is it?")

    assert await ada.reads() == ["Let me look.\n\nIt is nine."]
    assert "Monday, 05 January 2026, 09:00" in hub.agents.returned[0][0].text


async def test_a_long_answer_arrives_whole_and_in_order(hub: FakeHub) -> None:
    words = " ".join(f"word{number}" for number in range(2_000))
    hub.agents.will_say(words)
    ada = hub.person("ada")

    await ada.says("tell me everything")
    await ada.reads(9)

    assert "".join(ada.sees) == words


async def test_a_long_answer_is_cut_as_often_as_it_is_shown_and_not_at_every_word() -> None:
    cut: list[str] = []

    class Watched(FakeAdapter):
        def split(self, text: str) -> list[str]:
            cut.append(text)
            return super().split(text)

    platform = FakePlatform()
    door = Watched(platform, streaming=Streaming(interval_seconds=1.0))
    hub = FakeHub(MemoryStore(), options=HubOptions(adapters=lambda: [door]))
    words = " ".join(f"word-{number:04}" for number in range(2_000))
    hub.agents.will_say(words, pause=0.01)

    async with hub.running():
        await hub.person("ada").says("tell me all")
        await asyncio.sleep(60)

    assert cut[-1] == words
    assert len([text for text in cut if len(text) > LONG_TEXT]) < 25


async def test_typing_is_shown_while_the_agent_works_and_cleared_after(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will_say("done", after=5)
    await ada.says("work")
    await asyncio.sleep(1)
    during = hub.platform.typing[ada.conversation.id]

    await ada.reads()

    assert (during, hub.platform.typing[ada.conversation.id]) == (1, 0)


async def test_an_agent_with_nothing_to_say_posts_nothing(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will()

    await ada.says("shh")
    await asyncio.sleep(60)

    assert ada.sees == []
    assert (await hub.store.history.counts()).turns_running == 0


async def test_an_agent_reads_the_time_on_the_clock_of_the_person(hub: FakeHub) -> None:
    ada, bob = hub.person("ada"), hub.person("bob")
    await hub.store.notes.put(person_id_of(ada.identity), ZONE_NOTE, "Asia/Tokyo")

    await ada.says("good morning")
    await bob.says("hello")
    await ada.reads()
    await bob.reads()

    headers = sorted(text.partition("\n")[0] for texts in hub.agents.heard for text in texts)
    assert headers[0].startswith("[ada on fake, 2026-01-05 18:00 Asia/Tokyo (UTC+09:00)")
    assert headers[1].startswith("[bob on fake, 2026-01-05 09:00 UTC")
