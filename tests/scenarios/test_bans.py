"""Bans and mutes: who is turned away, how they are told, and when they are heard again."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

CHANNEL = Conversation("slack", "T1", "C1")
BOSS = Identity("slack", "T1", "UBOSS")
ADA = Identity("slack", "T1", "UADA")
POLICY = AccessPolicy({"slack": AccessMode.OPEN}, allowed=frozenset({ADA.key}))


@pytest.fixture
def hub() -> FakeHub:
    """One with a Slack of which UBOSS is an admin; UADA is on the list of who may talk."""
    turns = TurnOptions(admins=frozenset({BOSS.key}))
    return FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=POLICY, turns=turns))


def _direct(hub: FakeHub, name: str) -> FakePerson:
    return hub.on_slack(name, Conversation("slack", "T1", f"D{name}"))


async def _boss(hub: FakeHub, command: str) -> str:
    """Have the admin give a command in their direct messages; returns what they are told."""
    told = await _direct(hub, "UBOSS").asks(command)
    await asyncio.sleep(2)
    return told


async def _refused(hub: FakeHub) -> list[object]:
    entries = await hub.store.history.audit(0, 1_000)
    return [entry.data["reason"] for entry in entries if "refused" in entry.kind]


async def test_who_is_banned_is_told_once_an_hour_and_heard_by_nobody(hub: FakeHub) -> None:
    async with hub.running():
        told = await _boss(hub, "/ban <@UADA> 2d")
        ada = _direct(hub, "UADA")
        for number in range(5):
            await ada.says(f"hello {number}")
        await asyncio.sleep(60)
        first = list(ada.sees)
        await asyncio.sleep(3_600)
        await ada.says("and now?")
        await ada.reads(2)

    assert "`slack:T1:UADA` is banned until 2" in told
    assert len(first) == 1
    assert first[0].startswith("You are banned here until 2")
    assert hub.agents.heard == []
    assert await _refused(hub) == ["banned"] * 6


async def test_a_ban_begins_when_it_was_said_however_late_it_is_carried_out(hub: FakeHub) -> None:
    async with hub.running():
        said = hub.message(_direct(hub, "UBOSS"), "/ban UADA 30m")
        said = replace(said, sent_at=said.sent_at - timedelta(minutes=5))
        await hub.inbox.receive(said)
        await asyncio.sleep(2)
        [ban] = await hub.store.people.bans(hub.clock.now())

    assert (ban.since, ban.until) == (said.sent_at, said.sent_at + timedelta(minutes=30))


async def test_a_ban_ends_by_itself(hub: FakeHub) -> None:
    async with hub.running():
        await _boss(hub, "/ban UADA 30m")
        await asyncio.sleep(1_801)
        hub.agents.will_say("Welcome back.")
        ada = _direct(hub, "UADA")
        await ada.says("hello")

        assert await ada.reads() == ["Welcome back."]


async def test_unban_lets_the_account_in_again(hub: FakeHub) -> None:
    async with hub.running():
        await _boss(hub, "/ban slack:T1:UADA")
        told = await _boss(hub, "/unban UADA")
        hub.agents.will_say("Welcome back.")
        ada = _direct(hub, "UADA")
        await ada.says("hello")
        seen = await ada.reads()

    assert told == "`slack:T1:UADA` is heard again."
    assert seen == ["Welcome back."]


async def test_who_is_muted_is_told_nothing(hub: FakeHub) -> None:
    async with hub.running():
        told = await _boss(hub, "/mute UADA")
        ada = _direct(hub, "UADA")
        await ada.says("hello")
        await ada.says("/status")
        await asyncio.sleep(60)

    assert told.startswith("`slack:T1:UADA` is muted for good. They are not told.")
    assert ada.sees == []
    assert hub.agents.heard == []
    assert await _refused(hub) == ["muted", "muted"]


async def test_nobody_but_an_admin_bans(hub: FakeHub) -> None:
    async with hub.running():
        ada = _direct(hub, "UADA")
        for count, command in enumerate(("/ban UBOB", "/mute UBOB", "/unban UBOB"), start=1):
            await ada.says(command)
            await ada.reads(count)

    assert all("`access.admins`" in said for said in ada.sees)
    assert await hub.store.people.bans(hub.clock.now()) == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/ban", "Whom?"),
        ("/ban @ada", "Whom?"),
        ("/ban discord:99:5", '"discord:99:5" is no account'),
        ("/ban discrod:discord:5", '"discrod:discord:5" is no account'),
        ("/ban UADA soon", '"soon" is no length of time.'),
        ("/ban UADA 99999w", '"99999w" is no length of time.'),
        ("/ban UBOSS", "`slack:T1:UBOSS` is an admin"),
        ("/unban", "Whom?"),
        ("/unban UADA", "`slack:T1:UADA` is not banned."),
    ],
)
async def test_what_can_not_be_done_is_said(hub: FakeHub, command: str, told: str) -> None:
    async with hub.running():
        assert (await _boss(hub, command)).startswith(told)

    assert await hub.store.people.bans(hub.clock.now()) == []


async def test_an_admin_is_not_banned_by_a_linked_account_either(hub: FakeHub) -> None:
    bob = Identity("slack", "T1", "UBOB")
    async with hub.running():
        await _direct(hub, "UBOSS").says("hello")
        code = re.search(r"\*\*(\w{8})\*\*", await _boss(hub, "/link"))
        assert code is not None
        other = _direct(hub, "UBOB")
        await other.says(f"/link {code[1]}")
        await other.reads()
        await asyncio.sleep(2)
        told = await _boss(hub, "/ban UBOB")

    assert told == f"`{bob.key}` is an admin: the operator alone can ban them."
    assert await hub.store.people.bans(hub.clock.now()) == []


async def test_a_ban_of_an_account_that_nobody_knows_says_so(hub: FakeHub) -> None:
    async with hub.running():
        guest = await _boss(hub, "/ban <@UGUEST>")
        await _direct(hub, "UADA").says("hello")
        known = await _boss(hub, "/ban <@UADA>")

    assert "Is it the right one?" in guest
    assert "Is it the right one?" not in known


async def test_a_code_that_was_shown_before_a_ban_links_nobody_after_it(hub: FakeHub) -> None:
    async with hub.running():
        ada, second = _direct(hub, "UADA"), _direct(hub, "UADA2")
        await ada.says("/link")
        code = re.search(r"\*\*(\w{8})\*\*", (await ada.reads())[0])
        assert code is not None
        await second.says("hello")
        await second.reads()
        await _boss(hub, "/ban UADA")
        await second.says(f"/link {code[1]}")
        told = (await second.reads(2))[-1]

    assert told.startswith("There is no such code.")


async def test_a_ban_counts_in_every_place_and_outlives_a_restart(hub: FakeHub) -> None:
    async with hub.running():
        await _boss(hub, "/ban UADA")
    async with hub.running():
        ada = hub.on_slack("UADA", CHANNEL)
        await ada.says("hello, all")
        seen = await ada.reads()

    assert seen == ["You are banned here for good. I do not hear what you write."]
    assert hub.agents.heard == []


async def test_what_was_said_before_a_ban_is_still_answered(hub: FakeHub) -> None:
    async with hub.running():
        hub.agents.will_say("Done.", after=30)
        ada = _direct(hub, "UADA")
        await ada.says("work on it")
        await asyncio.sleep(1)
        await _boss(hub, "/ban UADA")

        assert await ada.reads() == ["Done."]


async def test_who_is_banned_is_not_admitted_for_anything_else_either(hub: FakeHub) -> None:
    access = hub._access(hub.store)  # pyright: ignore[reportPrivateUsage] - as the ticker gets it
    before = await access.admits(ADA, "slack")
    await hub.store.people.ban(Ban(ADA, hub.clock.now(), None, OPERATOR))
    await asyncio.sleep(2)

    assert (before, await access.admits(ADA, "slack")) == (True, False)
