"""Files that an agent looks things up in: given and taken away by its own person alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.commands.command import UNREACHABLE
from gateway.commands.files import HOW, LARGEST_BYTES, MOST, NONE, NOT_HERE, NOT_SENT, TOO_MANY
from gateway.commands.remembering import ELSEWHERE, NOT_YET, NOT_YOURS
from gateway.domain.artifacts import Attachment, attachment_key
from gateway.domain.memory import Ingestion, KnownFile
from gateway.domain.people import Mode, Route, person_id_of
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.crashing import CrashPoints
from tests.fakes.hub import FakeHub, FakePerson, HubOptions
from tests.fakes.virtual_time import LoopClock

GUIDE = b"The harbour opens at nine."


def _new(route: Route | None = None) -> tuple[FakeHub, MemoryArtifacts]:
    artifacts = MemoryArtifacts(LoopClock())
    options = HubOptions(artifacts=artifacts, route=route or Route("postern"))
    return FakeHub(MemoryStore(), options=options), artifacts


@asynccontextmanager
async def _house(route: Route | None = None) -> AsyncGenerator[tuple[FakePerson, MemoryArtifacts]]:
    """Run a gateway where Ada has an agent."""
    hub, artifacts = _new(route)
    async with hub.running():
        ada = hub.person("ada")
        await ada.whispers("hello")
        yield ada, artifacts


async def _sends(
    person: FakePerson, artifacts: MemoryArtifacts, name: str, data: bytes = GUIDE
) -> None:
    """Send a file, as a platform brings it."""
    seen = len(person.sees)
    message = person.hub.message(person, f"Look at {name}.")
    key = attachment_key(person.identity, message.event_id, 0, name)
    saved = await artifacts.save(key, data)
    file = Attachment(name, saved.media_type, saved.size_bytes, key)
    await person.hub.inbox.receive(replace(message, attachments=(file,)))
    await person.reads(seen + 1)


def _kept(hub: FakeHub) -> dict[str, bytes]:
    """Return the files of the newest agent."""
    agent = hub.agents.created[-1][2]
    return {name: data for name, (_, data) in hub.agents.files.kept[agent].items()}


async def test_a_file_that_was_sent_is_given_to_the_agent_and_its_state_is_shown() -> None:
    async with _house() as (ada, artifacts):
        assert await ada.whispers("/files") == f"{NONE} {HOW}"
        await _sends(ada, artifacts, "guide.md")

        added = await ada.whispers("/files add guide.md")
        listed = await ada.whispers("/files")

    assert added == "Your agent looks things up in `guide.md` from now on."
    assert listed == f"- `guide.md` (26 bytes): ready\n{HOW}"
    assert _kept(ada.hub) == {"guide.md": GUIDE}


async def test_without_a_name_it_is_the_last_one_that_was_sent() -> None:
    async with _house() as (ada, artifacts):
        await _sends(ada, artifacts, "old.md")
        await _sends(ada, artifacts, "2026-plan.md", b"new")

        await ada.whispers("/files add")

    assert _kept(ada.hub) == {"2026-plan.md": b"new"}


async def test_of_one_name_the_newest_is_taken_and_replaces_the_older() -> None:
    async with _house() as (ada, artifacts):
        for data in (b"old", b"new"):
            await _sends(ada, artifacts, "Guide.md", data)
            await ada.whispers("/files add `guide.MD`")

    assert _kept(ada.hub) == {"Guide.md": b"new"}


async def test_what_the_agent_saved_for_its_person_can_be_given_too() -> None:
    async with _house() as (ada, artifacts):
        await artifacts.save(f"{person_id_of(ada.identity)}/plans/summer.md", GUIDE)

        await ada.whispers("/files add plans/summer.md")

    assert _kept(ada.hub) == {"summer.md": GUIDE}


@pytest.mark.parametrize("name", ["../bob/secret.md", "..", "/", "none.md", "a//b", ".postern"])
async def test_nothing_but_ones_own_can_be_given(name: str) -> None:
    async with _house() as (ada, artifacts):
        bob = ada.hub.person("bob")
        await artifacts.save(f"{person_id_of(bob.identity)}/none.md", GUIDE)
        await _sends(bob, artifacts, "none.md")

        assert await ada.whispers(f"/files add {name}") == NOT_SENT
        assert await ada.whispers("/files add") == NOT_SENT


async def test_a_file_that_is_read_slowly_or_not_at_all_says_so() -> None:
    async with _house() as (ada, artifacts):
        ada.hub.agents.files.ingestion = Ingestion.READING
        await _sends(ada, artifacts, "slow.md")
        await _sends(ada, artifacts, "cat.png", b"\x89PNG")

        slow = await ada.whispers("/files add slow.md")
        broken = await ada.whispers("/files add cat.png")
        listed = await ada.whispers("/files")

    assert slow.startswith("`slow.md` is being read; ")
    assert broken == "`cat.png` could not be read. It is no plain text."
    assert "- `cat.png` (4 bytes): could not be read. It is no plain text.\n" in listed
    assert "- `slow.md` (26 bytes): still being read\n" in listed


async def test_a_file_is_taken_away_and_stays_its_persons() -> None:
    async with _house() as (ada, artifacts):
        await _sends(ada, artifacts, "guide.md")
        await ada.whispers("/files add guide.md")

        gone = await ada.whispers("/files remove guide.md")
        unknown = await ada.whispers("/files remove guide.md")
        await ada.whispers("/files add guide.md")

    assert gone == "Your agent looks nothing up in `guide.md` any more."
    assert unknown == "Your agent has no file `guide.md`."
    assert list(_kept(ada.hub)) == ["guide.md"]


async def test_there_is_a_limit_to_size_and_number() -> None:
    async with _house() as (ada, artifacts):
        await _sends(ada, artifacts, "film.mp4", bytes(LARGEST_BYTES + 1))
        await _sends(ada, artifacts, "one.md")
        large = await ada.whispers("/files add film.mp4")
        for number in range(MOST):
            named = Attachment(f"{number}.md", "text/plain", 1, "x/y")
            await ada.hub.agents.files.add(ada.hub.agents.created[0][2], named, b"x")

        many = await ada.whispers("/files add one.md")
        await _sends(ada, artifacts, "7.md", b"seven")
        replaced = await ada.whispers("/files add 7.md")

    assert replaced == "Your agent looks things up in `7.md` from now on."
    assert large == "It has 10,000,001 bytes; 10,000,000 are the most."
    assert many == TOO_MANY


async def test_a_file_may_be_as_large_as_that() -> None:
    async with _house() as (ada, artifacts):
        await _sends(ada, artifacts, "book.txt", bytes(LARGEST_BYTES))

        assert "from now on" in await ada.whispers("/files add")


async def test_names_and_reasons_are_shown_without_what_could_pass_for_more() -> None:
    async with _house() as (ada, _):
        hostile = KnownFile("a`\n- `b.md", 1, Ingestion.FAILED, "No.\u202e`x`" + "y" * 900)
        agent = ada.hub.agents.created[0][2]
        ada.hub.agents.files.kept[agent][hostile.name] = hostile, b"x"

        listed = await ada.whispers("/files")

    line, how = listed.split("\n")
    assert line.startswith("- `a- b.md` (1 bytes): could not be read. No.xy")
    assert len(line) < 300
    assert how == HOW


async def test_files_are_a_private_thing_of_ones_own_agent() -> None:
    async with _house() as (ada, _):
        assert await ada.asks("/files") == ELSEWHERE
        assert await ada.hub.person("bob").whispers("/files") == NOT_YET
        assert await ada.whispers("/files paint it") == HOW
        assert await ada.whispers("/files remove") == HOW
    async with _house(Route("postern", mode=Mode.SHARED)) as (ada, _):
        assert await ada.whispers("/files add guide.md") == NOT_YOURS


async def test_where_no_files_are_taken_in_none_can_be_given(hub: FakeHub) -> None:
    ada = hub.person("ada")
    await ada.whispers("hello")

    assert await ada.whispers("/files") == NOT_HERE


async def test_who_is_forgotten_leaves_no_file_behind() -> None:
    async with _house() as (ada, artifacts):
        await _sends(ada, artifacts, "guide.md")
        await ada.whispers("/files add guide.md")

        await ada.whispers("/forget everything")

    assert not any(ada.hub.agents.files.kept.values())
    assert await artifacts.list(person_id_of(ada.identity)) == []


@pytest.mark.parametrize("moment", ["after files.add", "before store.turns.finish"])
async def test_a_crash_gives_no_file_twice(moment: str) -> None:
    hub, artifacts = _new()
    async with hub.running():
        ada = hub.person("ada")
        await ada.whispers("hello")
        await _sends(ada, artifacts, "guide.md")
    adding = replace(hub.message(ada, "/files add"), is_private=True)
    await hub.inbox.receive(adding)

    await hub.until_crash(CrashPoints(at_name=moment))
    async with hub.running():
        await ada.reads(3)

    assert _kept(hub) == {"guide.md": GUIDE}
    assert "from now on" in ada.sees[-1]


async def test_a_server_that_is_away_is_told() -> None:
    async with _house() as (ada, artifacts):
        await _sends(ada, artifacts, "guide.md")
        ada.hub.agents.go_down()

        assert await ada.whispers("/files add") == UNREACHABLE
