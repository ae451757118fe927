"""`/queue`: what becomes of messages that arrive while an agent answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from agents.scripted import Say, Wait
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from gateway.domain.people import Identity, Route
from gateway.queue_modes import BUSY, QueueKind, QueueMode, QueueModes, read_mode
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions
from tests.scenarios.test_linking import link, on_discord, on_slack

CHANNEL = Conversation("slack", "T1", "C1")
THREAD = Conversation("slack", "T1", "C1", "171.5")
DIRECT = Conversation("slack", "T1", "D1")
ADMIN = Identity("slack", "T1", "boss")
OPTIONS = HubOptions(doors=("slack",), turns=TurnOptions(admins=frozenset({ADMIN.key})))


@pytest.fixture
def hub() -> FakeHub:
    """One with a Slack that does not run yet."""
    return FakeHub(MemoryStore(), options=OPTIONS)


async def _set(person: FakePerson, mode: str) -> str:
    told = await person.asks(f"/queue {mode}")
    await asyncio.sleep(2)
    return told


async def test_by_default_what_arrives_meanwhile_is_the_next_turn(hub: FakeHub) -> None:
    hub.agents.will(Wait(5), Say("one"))
    hub.agents.will_say("two")
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        for said in ("a", "b", "c"):
            await ada.says(said)
            await asyncio.sleep(1)

        assert await ada.reads(2) == ["one", "two"]

    assert [len(heard) for heard in hub.agents.heard] == [1, 2]


async def test_collect_waits_for_silence_and_answers_all_at_once(hub: FakeHub) -> None:
    hub.agents.will_say("all three")
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        told = await _set(ada, "collect 10")
        for said in ("a", "b", "c"):
            await ada.says(said)
            await asyncio.sleep(8)

        assert (await ada.reads(2))[1] == "all three"

    assert told == "I answer here after 10 seconds of silence, all at once (`collect 10`)."
    assert [len(heard) for heard in hub.agents.heard] == [3]


async def test_collect_keeps_nobody_waiting_for_ever(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await _set(ada, "collect 2")
        for _ in range(20):
            await ada.says("and")
            await asyncio.sleep(1)

        assert len(hub.agents.heard) == 1


async def test_drop_turns_away_what_arrives_meanwhile_and_says_so(hub: FakeHub) -> None:
    hub.agents.will(Wait(30), Say("one"))
    hub.agents.will_say("two")
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await _set(ada, "drop")
        await ada.says("a", event_id="e1")
        await asyncio.sleep(5)
        await ada.says("b")
        await ada.says("a", event_id="e1")
        await ada.reads(3)
        await ada.says("c")

        read = await ada.reads(4)

    assert read[1:] == [BUSY, "one", "two"]
    assert [heard[-1][-1] for heard in hub.agents.heard] == ["a", "c"]
    refused = [e for e in await hub.store.history.audit(0, 100) if "refused" in e.kind]
    assert [(e.kind, e.data["reason"]) for e in refused] == [(AuditKind.MESSAGE_REFUSED, "busy")]


async def test_commands_are_never_dropped(hub: FakeHub) -> None:
    hub.agents.will(Wait(30), Say("one"))
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await _set(ada, "drop")
        await ada.says("a")
        await asyncio.sleep(5)

        await ada.says("/cancel")

        assert (await ada.reads(2))[1].startswith("Stopped.")


async def test_in_a_channel_admins_choose_and_its_threads_follow(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", CHANNEL)
        boss = hub.account(ADMIN, CHANNEL)
        refused = await _set(ada, "drop")
        taken = await _set(boss, "drop")
        in_the_thread = hub.on_slack("ada", THREAD)
        shown = await _set(in_the_thread, "")
        await in_the_thread.says("/status")
        status = (await in_the_thread.reads(2))[1]

    assert refused.startswith("Only an admin can do that")
    assert taken == "What is written here while I answer is not heard, and I say so (`drop`)."
    assert taken in shown
    assert taken in status


async def test_a_thread_may_have_its_own_mode_and_direct_messages_have_one(hub: FakeHub) -> None:
    async with hub.running():
        await _set(hub.account(ADMIN, CHANNEL), "drop")
        await _set(hub.account(ADMIN, THREAD), "queue")
        in_the_thread = await _set(hub.on_slack("ada", THREAD), "")
        await _set(hub.on_slack("bob", Conversation("slack", "T1", "D2", "1.1")), "drop")
        in_another = await _set(hub.on_slack("bob", Conversation("slack", "T1", "D2", "2.2")), "")

    assert in_the_thread.startswith("What is written here while I answer becomes the next turn")
    assert in_another.startswith("What is written here while I answer is not heard")


async def test_a_mode_is_told_as_soon_as_it_was_chosen(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        for said in ("/queue", "/queue drop", "/queue"):
            await ada.says(said)
            await ada.reads(len(ada.sees) + 1)

    assert "(`queue`)" in ada.sees[0]
    assert "(`drop`)" in ada.sees[2]


async def test_commands_wait_for_no_silence(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await _set(ada, "collect 100")
        begun = hub.clock.now()
        await ada.says("/status")
        await ada.reads(2)

        assert hub.clock.now() - begun < timedelta(seconds=50)


async def test_an_agent_that_waits_longer_by_itself_still_does(hub: FakeHub) -> None:
    modes = QueueModes(hub.store.notes, hub.store.people, hub.store.fires)
    await modes.choose(QueueMode(QueueKind.COLLECT, 5), DIRECT)
    patient = Route("postern", quiet_seconds=60, max_wait_seconds=600)

    message = hub.message(hub.on_slack("ada", DIRECT), "hello")

    assert await modes.applied(message, patient, hub.clock.now()) == patient


async def test_only_what_people_say_is_turned_away_and_only_words_are_answered(
    hub: FakeHub,
) -> None:
    hub.agents.will(Wait(30), Say("one"))
    modes = QueueModes(hub.store.notes, hub.store.people, hub.store.fires)
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        await _set(ada, "drop")
        await ada.says("a")
        await asyncio.sleep(5)
        refused = {
            kind: await modes.refusal(
                replace(hub.message(ada, "b"), kind=kind), Route("postern"), hub.clock.now()
            )
            for kind in MessageKind
        }

    told = {kind: refusal.reply is not None for kind, refusal in refused.items() if refusal}
    assert told == {MessageKind.TEXT: True, MessageKind.EDIT: False, MessageKind.REACTION: False}


async def test_all_accounts_of_a_person_have_one_agent_that_is_at_work() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(doors=("discord", "slack")))
    async with hub.running():
        first, second = on_discord(hub), on_slack(hub)
        await link(first, second)
        await _set(second, "drop")
        hub.agents.will(Wait(30), Say("one"))
        await first.says("a")
        await asyncio.sleep(5)
        seen = len(second.sees)
        await second.says("b")

        assert (await second.reads(seen + 1))[seen] == BUSY


async def test_what_is_no_mode_changes_nothing(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("ada", DIRECT)
        told = await _set(ada, "interrupt")
        shown = await _set(ada, "")

    assert told.startswith("That is no way to queue.")
    assert shown.startswith("What is written here while I answer becomes the next turn")


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("queue", QueueMode()),
        ("Collect", QueueMode(QueueKind.COLLECT)),
        ("collect 20", QueueMode(QueueKind.COLLECT, 20)),
        ("drop", QueueMode(QueueKind.DROP)),
        ("collect 0", None),
        ("collect 300", QueueMode(QueueKind.COLLECT, 300)),
        ("collect 301", None),
        ("collect ²", None),
        ("collect 99999999999999999999", None),
        ("drop 5", None),
        ("", None),
    ],
)
def test_modes_are_read_as_they_are_written(text: str, mode: QueueMode | None) -> None:
    assert read_mode(text) == mode
    assert mode is None or read_mode(str(mode)) == mode
