"""What people said is theirs: they can search it, and have it forgotten."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import cast

from agents.scripted import Say, Wait
from gateway.commands.personal import (
    LOOKED_THROUGH,
    MOST_FOUND,
    NOTHING,
    OLDER,
    PAGE,
    excerpt,
)
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Route, person_id_of
from gateway.ports import Said
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.personal import MemoryPersonal
from storage.memory.store import MemoryStore
from storage.memory.tables import Tables
from tests.fakes.hub import WORKER, FakeHub, FakePerson, HubOptions
from tests.fakes.virtual_time import LoopClock


async def test_people_find_what_they_said_and_were_answered(hub: FakeHub) -> None:
    ada, bob = hub.person("ada"), hub.person("bob")
    await ada.talks("My cat is called Pixel.", "A fine name for a CAT!")
    await ada.talks("And my dog is called Byte.", "Woof.")
    await bob.talks("My cat is called Secret.", "I see.")

    found = await ada.whispers("/search cat")

    assert "your agent: A fine name for a CAT!" in found
    assert "you: My cat is called Pixel." in found
    assert "Byte" not in found
    assert "Secret" not in found


async def test_all_words_must_be_there(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.talks("My cat is called Pixel.", "Hm.")

    assert "Pixel" in await ada.whispers("/search pixel CAT")
    assert "Nothing that you said" in await ada.whispers("/search pixel dog")


LONG = 1_000_000
LATER = Route("postern", quiet_seconds=LONG, max_wait_seconds=LONG)


async def _wrote(hub: FakeHub, person: FakePerson, *texts: str) -> None:
    """Let somebody have written much, which nobody answers yet."""
    for text in texts:
        await hub.store.turns.accept(hub.message(person, text), LATER, hub.clock.now())


async def test_a_search_goes_back_as_far_as_it_may_and_says_so(hub: FakeHub) -> None:
    ada, bob = hub.person("ada"), hub.person("bob")
    await _wrote(hub, ada, "too old", *["a needle"] * 11, *["hay"] * LOOKED_THROUGH, "news")
    await _wrote(hub, bob, "a needle", *["hay"] * PAGE)

    assert await ada.whispers("/search needle") == f"{NOTHING}\n\n{OLDER}"
    assert OLDER in await ada.whispers("/search news")
    assert (await ada.whispers("/search hay")).count("you: hay") == MOST_FOUND
    assert (await bob.whispers("/search needle")).endswith("you: a needle")


class _Slow(MemoryPersonal):
    """A store in which each look takes a second."""

    looks = 0

    async def said(self, person: PersonId, limit: int, before: int | None = None) -> list[Said]:
        self.looks += 1
        await asyncio.sleep(1)
        return await super().said(person, limit, before)


async def test_a_search_ends_in_time_with_what_it_found(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await _wrote(hub, ada, *["hay"] * LOOKED_THROUGH, "a needle")
    slow = hub.store.personal = _Slow(vars(hub.store.personal)["_tables"])

    await hub.inbox.receive(replace(hub.message(ada, "/search needle"), is_private=True))
    await asyncio.sleep(10)

    assert "you: a needle" in ada.sees[-1]
    assert OLDER in ada.sees[-1]
    assert slow.looks == 3


async def test_what_is_private_is_not_shown_to_others(hub: FakeHub) -> None:
    ada = hub.person("ada")

    assert "direct message" in await ada.asks("/search cat")
    assert "direct message" in await ada.asks("/forget everything")


async def test_forgetting_is_asked_for_twice(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.talks("My cat is called Pixel.", "Hm.")

    assert "can not be undone" in await ada.whispers("/forget")
    assert "Pixel" in await ada.whispers("/search pixel")


async def test_who_is_forgotten_is_met_anew_by_a_new_agent(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.talks("My cat is called Pixel.", "Hm.")

    answer = await ada.whispers("/forget everything")

    assert "Forgotten: 1 messages" in answer
    await ada.talks("hello", "Who are you?")
    assert ada.sees[-1] == "Who are you?"
    assert "Nothing that you said" in await ada.whispers("/search pixel")
    assert [agent for _, _, agent in hub.agents.created] == ["agent-1", "agent-2"]


async def test_nobody_is_forgotten_while_their_agent_works(hub: FakeHub) -> None:
    ada = hub.person("ada")
    hub.agents.will(Wait(60), Say("done"))
    await ada.says("think long")
    await asyncio.sleep(1)

    assert "is at work" in await ada.whispers("/forget everything")
    await asyncio.sleep(60)
    assert "think" in await ada.whispers("/search think")


async def test_forgetting_goes_on_when_the_agents_server_is_back(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.talks("My cat is called Pixel.", "Hm.")
    hub.agents.go_down()

    assert "Forgotten" not in await ada.whispers("/forget everything")
    hub.agents.come_back()
    await asyncio.sleep(120)

    assert "Forgotten: 1 messages" in ada.sees[-1]
    assert await hub.store.people.find_person(ada.identity) is None


async def test_forgetting_is_said_by_itself() -> None:
    hub = FakeHub(MemoryStore())
    ada = hub.person("ada")
    async with hub.running():
        await ada.talks("My cat is called Pixel.", "Hm.")
    for said in ("/usage", "/forget everything"):
        await hub.inbox.receive(replace(hub.message(ada, said), is_private=True))

    async with hub.running():
        await asyncio.sleep(1)

    assert "has to be said by itself" in ada.sees[-1]
    assert await hub.store.people.find_person(ada.identity) is not None


async def test_no_word_is_left_of_who_was_forgotten() -> None:
    hub = FakeHub(MemoryStore())
    tables = cast("Tables", vars(hub.store.personal)["_tables"])
    async with hub.running():
        ada = hub.person("ada")
        await ada.talks("My cat is called Pixel.", "A fine name, Pixel.")
        await ada.whispers("/remind tomorrow at 9 feed Pixel")
        known = {name for name, rows in vars(tables).items() if "Pixel" in repr(rows)}

        await ada.whispers("/forget everything")

    assert known == {"messages", "deliveries", "posts", "schedules", "turn_messages"}
    assert "Pixel" not in repr(vars(tables))
    assert [each.kind for each in tables.audit].count(AuditKind.PERSON_FORGOTTEN) == 1


async def test_what_an_account_was_before_it_was_linked_is_forgotten_too() -> None:
    hub = FakeHub(MemoryStore(), options=HubOptions(artifacts=MemoryArtifacts(LoopClock())))
    async with hub.running():
        ada, other = hub.person("ada"), hub.person("ada-at-work")
        await ada.talks("My cat is called Pixel.", "Hm.")
        await other.talks("My boss is a fool.", "Oh.")
        code = (await ada.whispers("/link")).split("**")[1]
        await other.whispers(f"/link {code}")

        forgotten = await other.whispers("/forget everything")
        await other.talks("hello", "Who are you?")

    assert "Forgotten: 4 messages" in forgotten
    assert [agent for _, _, agent in hub.agents.created] == ["agent-1", "agent-2", "agent-3"]


async def test_what_an_agent_saved_for_a_person_is_forgotten() -> None:
    artifacts = MemoryArtifacts(LoopClock())
    hub = FakeHub(MemoryStore(), options=HubOptions(artifacts=artifacts))
    async with hub.running():
        ada, bob = hub.person("ada"), hub.person("bob")
        await ada.talks("hello", "Hi.")
        await bob.talks("hello", "Hi.")
        mine = [f"{person_id_of(ada.identity)}/notes.md", "agent-1/notes/today.md"]
        theirs = [f"{person_id_of(bob.identity)}/notes.md", "agent-2/notes/today.md"]
        for key in (*mine, *theirs):
            await artifacts.save(key, b"a secret")

        await ada.whispers("/forget everything")

    assert [await artifacts.load(key) for key in mine] == [None, None]
    assert None not in [await artifacts.load(key) for key in theirs]


async def test_who_was_forgotten_meanwhile_is_not_taken_for_another_in_the_turn() -> None:
    hub = FakeHub(MemoryStore())
    ada, bob = hub.person("ada"), hub.person("bob")
    here = Conversation("fake", "w1", "town-square")
    async with hub.running():
        await ada.talks("hello", "Hi.")
    for who in (ada, bob):
        asking = replace(hub.message(who, "/usage"), conversation=here, is_private=True)
        await hub.inbox.receive(asking)
    await hub.store.turns.claim(WORKER, 10, timedelta(seconds=30), hub.clock.now())
    await hub.store.personal.forget(person_id_of(bob.identity), hub.clock.now())

    async with hub.running():
        await asyncio.sleep(1)

    told = "".join(hub.platform.visible(here.id))
    assert re.findall(r"run (\d) turns", told) == ["1", "0"]


def test_an_excerpt_shows_what_stands_around_the_word() -> None:
    text = "a" * 200 + " needle\n" + "b" * 200

    shown = excerpt(text, "NEEDLE")

    assert shown.startswith("…a")
    assert " needle b" in shown
    assert shown.endswith("b…")
    assert len(shown) < 200
