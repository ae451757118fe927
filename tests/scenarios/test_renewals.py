"""Conversations that begin anew by themselves: after a pause, or once a day; memory stays."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from agents.scripted import Say, ScriptedAgents, Wait
from gateway.domain.conversations import Conversation
from gateway.domain.ids import SessionId
from gateway.domain.messages import MessageKind
from gateway.domain.people import Identity, Mode, Route, person_id_of
from gateway.renewals import Ends, RenewalPolicy
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

MINUTE = 60.0
IDLE = RenewalPolicy(direct=Ends(timedelta(minutes=2)), channel=Ends(timedelta(minutes=2)))
OWN = Route("postern")
ROOM = Conversation("fake", "w1", "room")
DM = Conversation("web", "postern", "ada")


def _hub(policy: RenewalPolicy, *, route: Route = OWN) -> FakeHub:
    doors = ("fake", "web")
    options = HubOptions(has_constellation=True, renewals=policy, route=route, doors=doors)
    return FakeHub(MemoryStore(), options=options)


def _ada(hub: FakeHub, place: Conversation = DM) -> FakePerson:
    return hub.account(Identity(place.platform, place.workspace, "ada"), place)


def _threads(agents: ScriptedAgents) -> list[SessionId]:
    """Return where each round ran, in order."""
    return [request.session.thread for request in agents.asked]


async def test_the_first_word_after_a_pause_begins_a_new_conversation() -> None:
    hub = _hub(IDLE)
    ada = _ada(hub)
    async with hub.running():
        await ada.asks("one")
        await asyncio.sleep(1.9 * MINUTE)
        await ada.asks("two")
        await asyncio.sleep(2 * MINUTE)
        await ada.asks("three")
        await ada.asks("four")
        listed = await ada.asks("/sessions")

    first, same, new, still = _threads(hub.agents)
    assert (first, new) == (same, still)
    assert first != new
    assert len({request.session.agent for request in hub.agents.asked}) == 1
    assert listed.splitlines()[0].endswith("UTC: three (this one)")
    assert listed.splitlines()[1].endswith("UTC: one")


async def test_who_goes_back_to_a_conversation_stays_in_it() -> None:
    hub = _hub(IDLE)
    ada = _ada(hub)
    async with hub.running():
        for text in ("one", "/new", "two"):
            await ada.asks(text)
        await asyncio.sleep(30 * MINUTE)
        await ada.asks("/sessions 1")
        await asyncio.sleep(MINUTE)
        await ada.asks("three")

    first, second, back = _threads(hub.agents)
    assert first == back != second


async def test_who_begins_a_conversation_after_a_pause_begins_one() -> None:
    hub = _hub(IDLE)
    ada = _ada(hub)
    async with hub.running():
        await ada.asks("one")
        await asyncio.sleep(30 * MINUTE)
        for text in ("/new", "two"):
            await ada.asks(text)

    assert len({thread for _, _, thread in hub.agents.threads}) == 2


async def test_the_last_question_is_asked_again_where_it_was_asked() -> None:
    hub = _hub(IDLE)
    ada = _ada(hub)
    async with hub.running():
        await ada.asks("one")
        await asyncio.sleep(30 * MINUTE)
        await ada.asks("/retry")

    first, again = _threads(hub.agents)
    assert first == again


async def test_each_kind_of_place_has_its_own_pause() -> None:
    hub = _hub(RenewalPolicy(direct=Ends(timedelta(minutes=2))))
    async with hub.running():
        for place in (ROOM, replace(ROOM, thread="7")):
            for text in ("one", "two"):
                await _ada(hub, place).asks(text)
                await asyncio.sleep(3 * MINUTE)

    room, still_room, thread, still_thread = _threads(hub.agents)
    assert (room, thread) == (still_room, still_thread)


async def test_a_day_begins_on_the_clock_of_its_person() -> None:
    hub = _hub(RenewalPolicy(direct=Ends(daily_at=time(4)), zone="America/New_York"))
    ada = _ada(hub)
    async with hub.running():
        await ada.asks("/timezone Asia/Tokyo")
        for hour in (18.5, 19.5, 34.5):
            await _said_at(ada, datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=hour))

    before_four, after_four, in_the_evening = _threads(hub.agents)
    assert before_four != after_four == in_the_evening


async def test_a_day_begins_on_the_operators_clock_where_its_person_has_said_none() -> None:
    hub = _hub(RenewalPolicy(direct=Ends(daily_at=time(4)), zone="Asia/Tokyo"))
    ada = _ada(hub)
    async with hub.running():
        for hour in (18.5, 19.5):
            await _said_at(ada, datetime(2026, 1, 5, tzinfo=UTC) + timedelta(hours=hour))

    before_four, after_four = _threads(hub.agents)
    assert before_four != after_four


async def _said_at(person: FakePerson, moment: datetime) -> None:
    seen, message = len(person.sees), person.hub.message(person, f"{moment} in UTC")
    await person.hub.inbox.receive(replace(message, sent_at=moment))
    await person.reads(seen + 1)


async def test_what_comes_late_makes_no_conversation_older() -> None:
    hub = _hub(IDLE)
    ada, noon = _ada(hub), datetime(2026, 1, 5, 12, tzinfo=UTC)
    async with hub.running():
        for seconds in (0, -200, 60):
            await _said_at(ada, noon + timedelta(seconds=seconds))

    assert len(set(_threads(hub.agents))) == 1


async def test_the_last_of_several_words_counts() -> None:
    hub = _hub(IDLE)
    ada = _ada(hub)
    hub.agents.will(Wait(100), Say("one is done"))
    async with hub.running():
        for text, pause in (("one", 1), ("two", 89), ("three", 60), ("four", 60)):
            await ada.says(text)
            await asyncio.sleep(pause)

    assert [len(texts) for texts in hub.agents.heard] == [1, 2, 1]
    assert len(set(_threads(hub.agents))) == 1


async def test_what_is_about_an_earlier_message_begins_nothing() -> None:
    hub = _hub(IDLE)
    ada = _ada(hub)
    async with hub.running():
        first = await ada.says("one")
        await asyncio.sleep(30 * MINUTE)
        about = replace(hub.message(ada, "👍"), kind=MessageKind.REACTION, target=first.event_id)
        await hub.inbox.receive(about)
        await asyncio.sleep(MINUTE)

    before, after = _threads(hub.agents)
    assert before == after


async def test_each_agent_and_place_has_its_own_conversation() -> None:
    routes = {role: Route(role) for role in ("postern", "scribe")}
    hub = _hub(IDLE)
    hub = FakeHub(MemoryStore(), options=replace(hub.options, routes=routes))
    ada = _ada(hub)
    there = replace(ada, conversation=replace(DM, thread="7"))
    async with hub.running():
        for person, text in ((ada, "one"), (ada, "@scribe two"), (there, "three"), (ada, "four")):
            await person.asks(text)
            await asyncio.sleep(50)

    assert len(set(_threads(hub.agents))) == 4


async def test_a_turn_that_has_begun_ends_where_it_began() -> None:
    off = _hub(RenewalPolicy())
    ada, points = _ada(off), CrashPoints(at_name="after store.turns.record_run")
    async with off.running():
        await ada.asks("one")
    await ada.says("two")
    async with asyncio.timeout(120):
        await off.until_crash(points)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC).isoformat()
    name = f"said:postern:{DM.id}"
    await off.store.notes.put(person_id_of(ada.identity), name, long_ago)

    on = FakeHub(off.store, options=_hub(IDLE).options)
    on.agents, on.platform = off.agents, off.platform
    async with on.running():
        await ada.reads(2)

    assert len({thread for _, _, thread in off.agents.threads}) == 1


async def test_a_wakeup_neither_ends_a_conversation_nor_prolongs_it() -> None:
    hub = _hub(IDLE)
    ada = _ada(hub)
    async with hub.running():
        await ada.asks("one")
        await asyncio.sleep(1.5 * MINUTE)
        await _wake(ada)
        await asyncio.sleep(1.5 * MINUTE)
        await _wake(ada)
        await ada.asks("two")

    first, early, late, second = _threads(hub.agents)
    assert first == early == late
    assert second != first


async def _wake(person: FakePerson) -> None:
    seen = len(person.sees)
    message = person.hub.message(person, "Look around.")
    await person.hub.inbox.wake(replace(message, kind=MessageKind.WAKEUP))
    await person.reads(seen + 1)


async def test_a_shared_agent_begins_anew_in_its_place() -> None:
    hub = _hub(IDLE, route=Route("postern", Mode.SHARED))
    bob = hub.account(Identity("fake", "w1", "bob"), ROOM)
    async with hub.running():
        await _ada(hub, ROOM).asks("one")
        await asyncio.sleep(1.5 * MINUTE)
        await bob.asks("two")
        await asyncio.sleep(1.5 * MINUTE)
        await _ada(hub, ROOM).asks("three")
        await asyncio.sleep(3 * MINUTE)
        await bob.asks("four")

    one, two, three, four = _threads(hub.agents)
    assert one == two == three != four


async def test_without_a_word_of_the_operator_nothing_begins_anew_or_is_noted() -> None:
    hub = _hub(RenewalPolicy())
    ada = _ada(hub)
    async with hub.running():
        await ada.asks("one")
        await asyncio.sleep(30 * MINUTE)
        await ada.asks("two")
        await ada.asks("/new")

    person = await hub.store.people.find_person(ada.identity)
    assert person is not None
    assert len(set(_threads(hub.agents))) == 1
    assert await hub.store.notes.all_of(person.id) == {}


async def test_it_begins_anew_once_whenever_the_gateway_dies() -> None:
    hub, points = await _after_a_pause(), CrashPoints()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.until_crash(points))
        await asyncio.sleep(0)
        await _goes_on(hub)
        running.cancel()
    moments = points.passed
    assert "before store.notes.put" in moments

    for at in range(1, len(moments) + 1):
        hub, points = await _after_a_pause(), CrashPoints(at)
        async with asyncio.TaskGroup() as group:
            story = group.create_task(_goes_on(hub))
            async with asyncio.timeout(120):
                await hub.until_crash(points)
            async with hub.running(), asyncio.timeout(MINUTE):
                await story

        first, second, third = _threads(hub.agents)
        died = f"died at {at}: {points.passed[-1]}"
        assert first != second == third, died


async def _after_a_pause() -> FakeHub:
    hub = _hub(IDLE)
    async with hub.running():
        await _ada(hub).asks("one")
    await asyncio.sleep(3 * MINUTE)
    return hub


async def _goes_on(hub: FakeHub) -> None:
    """Say two things more, each until it is acknowledged, as a platform delivers."""
    ada = _ada(hub)
    for count, text in enumerate(("two", "three"), start=2):
        while True:
            try:
                async with asyncio.timeout(3):
                    await ada.says(text, event_id=text)
            except TimeoutError:
                continue
            break
        await ada.reads(count)
