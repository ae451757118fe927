"""More than a person may say in a minute: one polite notice, and a minute later all is well."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from agents.scripted import Say, Wait
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.messages import MessageKind
from gateway.domain.people import Identity
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions

NOTICE = (
    "You wrote more than 60 messages in a minute; I did not hear this one. "
    "Please wait a moment and send it again."
)


@pytest.fixture
async def hub() -> AsyncGenerator[FakeHub]:
    options = HubOptions(doors=("fake", "discord", "slack"), messages_per_minute=60)
    hub = FakeHub(MemoryStore(), options=options)
    async with hub.running():
        yield hub


async def floods(person: FakePerson, count: int) -> list[str]:
    """Write so many; return their texts."""
    texts = [f"{person.name} {number}" for number in range(count)]
    for text in texts:
        await person.says(text)
    return texts


def heard(hub: FakeHub) -> list[str]:
    """All texts that agents heard, one by one, without who wrote them where."""
    lines = [line for said in hub.agents.heard for text in said for line in text.splitlines()]
    return [line for line in lines if not line.startswith("[")]


async def refused(hub: FakeHub) -> list[str]:
    entries = await hub.store.history.audit(0, 10_000)
    return [str(e.data["reason"]) for e in entries if e.kind is AuditKind.MESSAGE_REFUSED]


async def test_the_limit_is_told_once_and_ends_with_the_minute(hub: FakeHub) -> None:
    ada, bob = hub.person("ada"), hub.person("bob")
    texts = await floods(ada, 63)
    await bob.says("bob too")
    await asyncio.sleep(5)

    assert sorted(heard(hub)) == sorted([*texts[:60], "bob too"])
    assert await refused(hub) == ["too_many_messages"] * 3
    assert ada.sees.count(NOTICE) == 1
    assert NOTICE not in bob.sees

    await asyncio.sleep(56)
    hub.agents.will_say("Here I am.")
    await ada.says("and now?")
    await asyncio.sleep(5)

    assert ada.sees[-1] == "Here I am."
    assert ada.sees.count(NOTICE) == 1


async def test_two_accounts_of_one_person_share_the_limit(hub: FakeHub) -> None:
    there = hub.account(Identity("discord", "discord", "a"), Conversation("discord", "dm", "a"))
    here = hub.on_slack("b", Conversation("slack", "T1", "Db"))
    await link(there, here)

    first, second = await floods(there, 40), await floods(here, 40)
    await asyncio.sleep(5)

    assert sorted(heard(hub)) == sorted([*first, *second[:20]])
    assert here.sees.count(NOTICE) == 1


async def test_an_event_that_comes_again_is_no_news_also_at_the_limit(hub: FakeHub) -> None:
    ada = hub.person("ada")
    first = await ada.says("first")
    for _ in range(100):
        await hub.inbox.receive(first)
    texts = await floods(ada, 59)
    await hub.inbox.receive(first)
    await asyncio.sleep(5)

    assert sorted(heard(hub)) == sorted(["first", *texts])
    assert await refused(hub) == []


async def test_at_the_limit_commands_are_heard_and_what_waits_can_be_changed(
    hub: FakeHub,
) -> None:
    ada = hub.person("ada")
    hub.agents.will(Wait(30), Say("Done."))
    await ada.says("busy")
    await asyncio.sleep(1)
    for number in range(59):
        await ada.says(f"waiting {number}", event_id=f"w{number}")
    say = hub.message(ada, "changed")
    await hub.inbox.receive(replace(say, kind=MessageKind.EDIT, target="w0"))
    take_back = hub.message(ada, "")
    await hub.inbox.receive(replace(take_back, kind=MessageKind.DELETE, target="w1"))
    await ada.says("/status")
    await asyncio.sleep(60)

    assert await refused(hub) == []
    assert any("running" in text for text in ada.sees)
    assert heard(hub)[:3] == ["busy", "changed", "waiting 2"]


async def link(first: FakePerson, second: FakePerson) -> None:
    """Make the accounts one person, by a code shown to one and typed by the other."""
    await first.says("/link")
    code = re.search(r"\*\*(\w{8})\*\*", (await first.reads())[0])
    assert code is not None
    await second.says(f"/link {code[1]}")
    await second.reads()
