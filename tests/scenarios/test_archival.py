"""What an agent has put away: looked through and added to by its own person alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.commands.archival import (
    ADDED,
    EMPTY,
    KNOWN,
    LONGEST,
    MOST_SHOWN,
    NOTHING,
    TOO_LONG,
    WHAT,
)
from gateway.commands.command import UNREACHABLE
from gateway.commands.remembering import ELSEWHERE, NOT_YET, NOT_YOURS
from gateway.domain.memory import Passage
from gateway.domain.people import Mode, Route
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions
from tests.fakes.virtual_time import EPOCH


async def _met(hub: FakeHub, name: str = "ada") -> FakePerson:
    person = hub.person(name)
    await person.says("hello")
    await person.reads()
    return person


async def test_what_is_added_is_found_and_listed_newest_first(hub: FakeHub) -> None:
    ada = await _met(hub)
    assert await ada.whispers("/archival") == EMPTY

    assert await ada.whispers("/archival add My cat is called Pixel.") == ADDED
    assert await ada.whispers("/archival ADD\nMy dog\nis called Byte.") == ADDED

    assert await ada.whispers("/archival cat") == "- My cat is called Pixel."
    assert await ada.whispers("/archival") == "- My dog is called Byte.\n- My cat is called Pixel."
    assert await ada.whispers("/archival horse") == NOTHING


async def test_so_many_are_shown_each_with_its_day(hub: FakeHub) -> None:
    ada = await _met(hub)
    kept = hub.agents.archive.kept[hub.agents.created[0][2]]
    kept += [Passage(f"p{number}", f"fact {number}", EPOCH) for number in range(MOST_SHOWN + 1)]

    listed = await ada.whispers("/archival")
    found = await ada.whispers("/archival no fact")

    assert len(listed.splitlines()) == len(found.splitlines()) == MOST_SHOWN
    assert listed.splitlines()[0] == f"- {EPOCH:%Y-%m-%d}: fact {MOST_SHOWN}"


async def test_the_same_is_added_once(hub: FakeHub) -> None:
    ada = await _met(hub)
    await ada.whispers("/archival add My cat is called Pixel.")

    assert await ada.whispers("/archival add My cat is called Pixel.") == KNOWN


async def test_what_can_not_be_added_is_told(hub: FakeHub) -> None:
    ada = await _met(hub)

    assert await ada.whispers("/archival add") == WHAT
    assert await ada.whispers(f"/archival add {'x' * (LONGEST + 1)}") == TOO_LONG
    assert await ada.whispers("/archival") == EMPTY


async def test_a_long_entry_is_shown_in_part(hub: FakeHub) -> None:
    ada = await _met(hub)
    await ada.whispers(f"/archival add {'x' * LONGEST}")

    assert await ada.whispers("/archival") == f"- {'x' * 300}…"


async def test_nobody_looks_through_what_anothers_agent_put_away(hub: FakeHub) -> None:
    ada, bob = await _met(hub), await _met(hub, "bob")
    await ada.whispers("/archival add My secret is Byte.")

    assert await bob.whispers("/archival") == EMPTY
    assert await bob.whispers("/archival secret") == NOTHING


async def test_it_is_shown_in_private_and_of_ones_own_agent_only(hub: FakeHub) -> None:
    ada = await _met(hub)

    assert await ada.asks("/archival") == ELSEWHERE
    assert await hub.person("bob").whispers("/archival") == NOT_YET


async def test_a_shared_agents_archive_is_not_one_persons() -> None:
    shared = HubOptions(route=Route("postern", mode=Mode.SHARED))
    hub = FakeHub(MemoryStore(), options=shared)
    async with hub.running():
        ada = await _met(hub)

        assert await ada.whispers("/archival add mine") == NOT_YOURS


async def test_who_is_forgotten_is_forgotten_by_the_archive_too(hub: FakeHub) -> None:
    ada = await _met(hub)
    await ada.whispers("/archival add My secret is Byte.")
    await ada.whispers("/forget everything")
    await ada.whispers("hello")

    assert await ada.whispers("/archival") == EMPTY
    assert "Byte" not in repr(vars(hub.agents.archive))


@pytest.mark.parametrize("moment", ["after archive.add", "before store.turns.finish"])
async def test_a_crash_adds_nothing_twice(moment: str) -> None:
    hub = FakeHub(MemoryStore())
    async with hub.running():
        ada = await _met(hub)
    adding = replace(hub.message(ada, "/archival add My cat is called Pixel."), is_private=True)
    await hub.inbox.receive(adding)

    await hub.until_crash(CrashPoints(at_name=moment))
    async with hub.running():
        await ada.reads(2)
        await asyncio.sleep(1)

    agent = hub.agents.created[0][2]
    assert [each.text for each in await hub.agents.archive.newest(agent, 9)] == [
        "My cat is called Pixel."
    ]
    assert ada.sees[-1] in (ADDED, KNOWN)


async def test_a_server_that_is_away_holds_up_no_other_command(hub: FakeHub) -> None:
    ada = await _met(hub)
    hub.agents.go_down()

    assert await ada.whispers("/archival add My cat is called Pixel.") == UNREACHABLE
    assert "agent" in await ada.whispers("/whoami")
    hub.agents.come_back()
    assert await ada.whispers("/archival") == EMPTY
