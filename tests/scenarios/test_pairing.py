"""Admins let strangers in by their codes, who are told so where they asked."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from gateway.commands.command import ELSEWHERE
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity
from gateway.rights.pairings import WELCOME
from gateway.rights.policy import AccessMode, AccessPolicy
from gateway.turn_runner import TurnOptions
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

BOSS = Identity("slack", "T1", "UBOSS")
CHANNEL = Conversation("slack", "T1", "C1", "171.5")
POLICY = AccessPolicy({"slack": AccessMode.PAIRING}, allowed=frozenset({BOSS.key}))


@pytest.fixture
def hub() -> FakeHub:
    """One with a Slack of which UBOSS is an admin, and where others have to be let in."""
    turns = TurnOptions(admins=frozenset({BOSS.key}))
    return FakeHub(MemoryStore(), options=HubOptions(doors=("slack",), access=POLICY, turns=turns))


def _direct(hub: FakeHub, name: str) -> FakePerson:
    return hub.on_slack(name, Conversation("slack", "T1", f"D{name}"))


async def _asks(person: FakePerson, text: str, *, is_private: bool = False) -> str:
    """Say something; return all that comes back there."""
    seen = len(person.sees)
    message = person.hub.message(person, text)
    await person.hub.inbox.receive(replace(message, is_private=is_private))
    await asyncio.sleep(2)
    return "".join(person.sees[seen:])


async def _code_of(stranger: FakePerson) -> str:
    found = re.search(r"/pair (\w{8})`", await _asks(stranger, "hello"))
    assert found is not None
    return found[1]


async def test_an_admin_lets_a_stranger_in_who_is_told(hub: FakeHub) -> None:
    async with hub.running():
        ada, boss = _direct(hub, "UADA"), _direct(hub, "UBOSS")
        code = await _code_of(ada)
        waiting = await _asks(boss, "/pair")
        told = await _asks(boss, f"/pair {code.lower()}")
        welcome = ada.sees[-1]
        hub.agents.will_say("Hello!")
        answer = await _asks(ada, "hello again")
        again = await _asks(boss, f"/pair {code}")

    assert "(`slack:T1:UADA`), until " in waiting
    assert told.endswith("(`slack:T1:UADA`) may talk now.")
    assert welcome == WELCOME
    assert answer == "Hello!"
    assert again.startswith(f"Nobody waits with the code {code}.")
    log = [e for e in await hub.store.history.audit(0, 999) if e.kind is AuditKind.PAIRING_DECIDED]
    assert [(e.subject, dict(e.data)) for e in log] == [
        ("slack:T1:UADA", {"is_allowed": True, "by": BOSS.key})
    ]


async def test_an_admin_turns_a_stranger_away_who_is_not_told(hub: FakeHub) -> None:
    async with hub.running():
        ada, boss = _direct(hub, "UADA"), _direct(hub, "UBOSS")
        code = await _code_of(ada)
        seen = list(ada.sees)
        told = await _asks(boss, f"/pair deny {code}")
        after = list(ada.sees)
        await _asks(ada, "hello again")

    assert told.endswith("was turned away.")
    assert after == seen
    assert hub.agents.heard == []


async def test_nobody_but_an_admin_lets_anybody_in(hub: FakeHub) -> None:
    async with hub.running():
        ada, bob, boss = (_direct(hub, name) for name in ("UADA", "UBOB", "UBOSS"))
        await _asks(boss, f"/pair {await _code_of(bob)}")
        code = await _code_of(ada)
        tried = [await _asks(bob, text) for text in (f"/pair {code}", "/pair")]
        own = await _asks(ada, f"/pair {code}")

    assert all("`access.admins`" in said for said in tried)
    assert "may talk" not in own
    assert not await hub.store.people.is_paired(ada.identity)


async def test_who_asked_in_a_channel_is_told_there_by_name_alone(hub: FakeHub) -> None:
    async with hub.running():
        ada = replace(hub.on_slack("UADA", CHANNEL), name="<!channel> *Ada*")
        code = await _code_of(ada)
        await _asks(_direct(hub, "UBOSS"), f"/pair {code}")
        welcome = ada.sees[-1]

    assert welcome == f"channel Ada: {WELCOME}"


async def test_who_was_shown_a_code_alone_is_not_told_before_others(hub: FakeHub) -> None:
    async with hub.running():
        ada = hub.on_slack("UADA", CHANNEL)
        shown = await _asks(ada, "hello", is_private=True)
        found = re.search(r"/pair (\w{8})`", shown)
        assert found is not None
        told = await _asks(_direct(hub, "UBOSS"), f"/pair {found[1]}")
        seen = list(ada.sees)

    assert "may talk now" in told
    assert seen == [shown]


async def test_who_waits_is_told_where_nobody_else_reads(hub: FakeHub) -> None:
    async with hub.running():
        said = await _asks(hub.on_slack("UBOSS", CHANNEL), "/pair")

    assert said == ELSEWHERE


@pytest.mark.parametrize("typed", ["x", "deny", "deny x", "ABCD2345 now"])
async def test_what_is_no_code_is_said(hub: FakeHub, typed: str) -> None:
    async with hub.running():
        said = await _asks(_direct(hub, "UBOSS"), f"/pair {typed}")

    assert "is not a pairing code" in said


async def test_who_is_banned_is_let_in_by_no_code_and_is_told_nothing(hub: FakeHub) -> None:
    async with hub.running():
        ada, boss = _direct(hub, "UADA"), _direct(hub, "UBOSS")
        code = await _code_of(ada)
        await _asks(boss, "/ban UADA")
        told = await _asks(boss, f"/pair {code}")
        bob = _direct(hub, "UBOB")
        his = await _code_of(bob)
        await _asks(boss, "/mute UBOB")
        denied = await _asks(boss, f"/pair deny {his}")
        await _asks(boss, "/unban UADA")
        again = await _asks(boss, f"/pair {code}")

    assert told == "UADA (`slack:T1:UADA`) is banned. `/unban slack:T1:UADA` first."
    assert denied.endswith("was turned away.")
    assert again.endswith("may talk now.")
    assert [WELCOME in said for said in ada.sees] == [False, True]
