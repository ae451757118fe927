"""What is kept of a person is theirs: they get all of it as one file, and nobody else does."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gateway.commands.command import ELSEWHERE, UNREACHABLE
from gateway.commands.export_file import MOST_BYTES, MOST_CHARACTERS, MOST_PASSAGES, MOST_PUT_AWAY
from gateway.commands.exporting import BY_ITSELF, HOW, NO_FILES
from gateway.domain.artifacts import Attachment, attachment_key
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock, Passage
from gateway.domain.people import Route, person_id_of
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions
from tests.fakes.virtual_time import LoopClock


@dataclass(frozen=True)
class Archive:
    """What somebody was given."""

    text: str
    about: dict[str, Any]
    messages: list[dict[str, str]]
    files: dict[str, bytes]

    @property
    def said(self) -> list[str]:
        return [message["text"] for message in self.messages]


@asynccontextmanager
async def _hub() -> AsyncGenerator[tuple[FakeHub, MemoryArtifacts]]:
    artifacts = MemoryArtifacts(LoopClock())
    hub = FakeHub(MemoryStore(), options=HubOptions(artifacts=artifacts))
    async with hub.running():
        yield hub, artifacts


async def _exports(person: FakePerson, artifacts: MemoryArtifacts, text: str = "") -> Archive:
    """Give the command; return what comes back, and that alone."""
    said = await person.whispers(f"/export {text}".strip())
    shown = [each for each in person.hub.platform.messages if each.text][-1]
    (file,) = shown.files
    contents = await artifacts.load(file.artifact)
    assert contents is not None
    with zipfile.ZipFile(io.BytesIO(contents.data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(files.pop("export.json"))
    messages = [json.loads(line) for line in files.pop("messages.jsonl").splitlines()]
    return Archive(said, about, messages, files)


async def test_people_get_all_that_is_kept_of_them() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("My cat is called Pixel.", "A fine name.")
        (agent,) = [made for _, _, made in hub.agents.created]
        hub.agents.memory[agent] = {"human": MemoryBlock("human", "Has a cat.", 60)}
        await ada.whispers("/remind tomorrow at 9 feed Pixel")
        await ada.whispers("/timezone Europe/Vienna")
        await ada.whispers("/archival add Pixel is two years old.")
        sent = attachment_key(ada.identity, "m1", 0, "cat.png")
        picture = Attachment("cat.png", "image/png", 9, sent)
        await hub.agents.files.add(agent, picture, b"a picture")
        for key in (sent, f"{agent}/plan.md"):
            await artifacts.save(key, b"a picture")

        archive = await _exports(ada, artifacts)

    assert archive.text.startswith("This is all that is kept of you: ")
    assert archive.said[:2] == ["My cat is called Pixel.", "A fine name."]
    assert "remind tomorrow at 9 feed Pixel" in archive.said
    assert archive.about["agents"] == [
        {
            "name": "postern",
            "id": agent,
            "memory": {"human": "Has a cat."},
            "archival": ["Pixel is two years old."],
            "files": ["cat.png"],
        }
    ]
    assert [each["prompt"] for each in archive.about["schedules"]] == ["feed Pixel"]
    assert {"kind": "note", "name": "zone", "texts": ["Europe/Vienna"]} in archive.about["kept"]
    assert [each["user"] for each in archive.about["accounts"]] == ["ada"]
    assert set(archive.files) == {f"files/{sent}", f"files/{agent}/plan.md"}
    assert set(archive.files.values()) == {b"a picture"}


async def test_nobody_is_given_a_word_of_others() -> None:
    async with _hub() as (hub, artifacts):
        ada, bob = hub.person("ada"), hub.person("bob")
        await bob.talks("My secret is Byte.", "I keep it.")
        agent = hub.agents.created[-1][2]
        hub.agents.memory[agent] = {"human": MemoryBlock("human", "Byte", 60)}
        await bob.whispers("/remind tomorrow at 9 hide Byte")
        await artifacts.save(f"{person_id_of(bob.identity)}/Byte.md", b"Byte")
        await artifacts.save(f"{agent}/Byte.md", b"Byte")
        await ada.talks("Hello.", "Hi.")
        place = Conversation("fake", "w1", "dm-ada")
        assert ada.conversation == place

        archive = await _exports(ada, artifacts)

    assert "Hello." in archive.said
    assert "Byte" not in repr(archive)


async def test_what_would_be_forgotten_is_what_is_given() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("My cat is called Pixel.", "Pixel is a fine name.")
        await artifacts.save(f"{person_id_of(ada.identity)}/notes/Pixel.md", b"Pixel")
        before = await _exports(ada, artifacts)

        await ada.whispers("/forget everything")
        await ada.talks("Hello.", "Who are you?")
        after = await _exports(ada, artifacts)

    assert repr(before).count("Pixel") >= 4
    assert "Pixel" not in repr(after)


async def test_nothing_is_given_out_where_others_read() -> None:
    async with _hub() as (hub, _):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")

        assert await ada.asks("/export") == ELSEWHERE
        assert not any(each.files for each in hub.platform.messages)


async def test_commands_of_two_people_share_no_export() -> None:
    artifacts = MemoryArtifacts(LoopClock())
    hub = FakeHub(MemoryStore(), options=HubOptions(artifacts=artifacts))
    here = Conversation("fake", "w1", "town-square")
    for name in ("ada", "bob"):
        asking = replace(hub.message(hub.person(name), "/export"), is_private=True)
        await hub.inbox.receive(replace(asking, conversation=here))

    async with hub.running():
        (told,) = await hub.platform.until_visible(here.id, 1)

    assert told == f"{BY_ITSELF}\n\n{BY_ITSELF}"


async def test_an_export_is_audited_and_replaces_the_one_before() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await _exports(ada, artifacts)
        await asyncio.sleep(60)
        await _exports(ada, artifacts)
        kept = await artifacts.list(f"export-{person_id_of(ada.identity)}")
        audit = await hub.store.history.audit(0, 1_000)

    assert len(kept) == 1
    exports = [each for each in audit if each.kind is AuditKind.PERSON_EXPORTED]
    assert [each.subject for each in exports] == [person_id_of(ada.identity)] * 2


async def test_an_earlier_export_is_not_in_the_next() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await _exports(ada, artifacts)

        archive = await _exports(ada, artifacts)

    assert archive.files == {}
    assert archive.about["files"] == []


async def test_what_an_agent_saved_as_an_export_is_a_file_like_others() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        saved = f"{person_id_of(ada.identity)}/export/plan.md"
        await artifacts.save(saved, b"By the sea.")

        await _exports(ada, artifacts)
        archive = await _exports(ada, artifacts)

    assert archive.files == {f"files/{saved}": b"By the sea."}


async def test_no_agent_finds_an_export_among_its_persons_files() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await _exports(ada, artifacts)

        assert await artifacts.list(person_id_of(ada.identity)) == []


async def test_who_is_forgotten_leaves_no_export_behind() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await _exports(ada, artifacts)
        (kept,) = hub.platform.messages[-1].files

        await ada.whispers("/forget everything")

        assert await artifacts.load(kept.artifact) is None


LONG = 1_000_000
LATER = Route("postern", quiet_seconds=LONG, max_wait_seconds=LONG)


async def test_who_has_said_much_is_given_it_in_several_files() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        texts = [f"{number} {'x' * (MOST_CHARACTERS // 250)}" for number in range(500)]
        for text in texts:
            await hub.store.turns.accept(hub.message(ada, text), LATER, hub.clock.now())

        first = await _exports(ada, artifacts)
        number = first.text.partition("`/export ")[2].partition("`")[0]
        second = await _exports(ada, artifacts, number)

    said = [*second.said, *first.said]
    assert [text for text in said if "xxx" in text] == texts
    assert second.about["older_messages"] is None
    assert len(first.said) > 200


async def test_of_linked_accounts_too_all_is_given_in_several_files() -> None:
    async with _hub() as (hub, artifacts):
        ada, other = hub.person("ada"), hub.person("ada-at-work")
        texts = [f"{number} {'x' * (MOST_CHARACTERS // 380)}" for number in range(900)]
        for number, text in enumerate(texts):
            who = other if number % 3 else ada
            await hub.store.turns.accept(hub.message(who, text), LATER, hub.clock.now())
        code = (await ada.whispers("/link")).split("**")[1]
        await other.whispers(f"/link {code}")

        said, number = list[str](), ""
        for _ in range(8):
            archive = await _exports(other, artifacts, number)
            said = [*archive.said, *said]
            number = (archive.about["older_messages"] or "").removeprefix("/export ")
            if not number:
                break

    assert list(dict.fromkeys(text for text in said if "xxx" in text)) == texts
    assert not number


async def test_files_are_in_it_while_there_is_room() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        mine = person_id_of(ada.identity)
        for name in ("a.bin", "b.bin"):
            await artifacts.save(f"{mine}/{name}", bytes(MOST_BYTES // 2 + 1))

        archive = await _exports(ada, artifacts)

    assert list(archive.files) == [f"files/{mine}/a.bin"]


async def test_a_file_that_is_too_large_is_named_alone() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")
        mine = person_id_of(ada.identity)
        await artifacts.save(f"{mine}/film.mp4", bytes(MOST_BYTES + 1))
        await artifacts.save(f"{mine}/note.md", b"short")

        archive = await _exports(ada, artifacts)

    assert "1 large files are named in it alone." in archive.text
    assert list(archive.files) == [f"files/{mine}/note.md"]
    named = {each["name"]: each["in_this_archive"] for each in archive.about["files"]}
    assert named == {f"{mine}/film.mp4": False, f"{mine}/note.md": True}


async def test_all_that_an_agent_put_away_is_given() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")
        facts = [f"fact {number}" for number in range(250)]
        for fact in facts:
            await hub.agents.archive.add(hub.agents.created[-1][2], fact)

        archive = await _exports(ada, artifacts)

    (agent,) = archive.about["agents"]
    assert agent["archival"] == facts
    assert "newer_archival" not in agent


@pytest.mark.parametrize("more", [0, 1])
async def test_an_archival_memory_that_is_too_long_says_so(more: int) -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")
        facts = [Passage(f"p{number}", "a fact") for number in range(MOST_PASSAGES + more)]
        hub.agents.archive.kept[hub.agents.created[-1][2]] = facts

        archive = await _exports(ada, artifacts)

    (agent,) = archive.about["agents"]
    assert len(agent["archival"]) == MOST_PASSAGES
    assert ("newer_archival" in agent) is bool(more)


async def test_agents_that_the_settings_name_no_more_are_given_too() -> None:
    artifacts = MemoryArtifacts(LoopClock())
    options = HubOptions(artifacts=artifacts, has_constellation=True)
    hub = FakeHub(MemoryStore(), options=options)
    ada = hub.person("ada")
    mine = person_id_of(ada.identity)
    for slot in ("retired", "#shared-block"):
        await hub.store.people.intend_agent(mine, slot, hub.clock.now())
        await hub.store.people.bind_agent(mine, slot, AgentId(f"id of {slot}"))
    async with hub.running():
        await ada.talks("Hello.", "Hi.")
        archive = await _exports(ada, artifacts)

    assert [agent["name"] for agent in archive.about["agents"]] == ["postern", "retired"]


async def test_of_long_entries_fewer_are_given() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")
        for number in range(101):
            text = f"{number} {'x' * (MOST_PUT_AWAY // 100)}"
            await hub.agents.archive.add(hub.agents.created[-1][2], text)

        archive = await _exports(ada, artifacts)

    (agent,) = archive.about["agents"]
    assert len(agent["archival"]) == 100
    assert agent["newer_archival"]


async def test_a_server_that_keeps_no_archival_memory_holds_up_nothing() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")
        agent = hub.agents.created[-1][2]
        hub.agents.memory[agent] = {"human": MemoryBlock("human", "Has a cat.", 60)}
        hub.agents.archive.is_kept_here = False

        archive = await _exports(ada, artifacts)

    (about,) = archive.about["agents"]
    assert about["memory"] == {"human": "Has a cat."}
    assert about["not_told"] == "your agent puts nothing away."
    assert "Hello." in archive.said


async def test_two_messages_of_one_key_are_both_given() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        for workspace in ("w1", "w2"):
            message = hub.message(ada, f"Hello, {workspace}.", "1")
            place = Conversation("fake", workspace, "dm-ada")
            await hub.inbox.receive(replace(message, conversation=place))
        await asyncio.sleep(1)

        archive = await _exports(ada, artifacts)

    assert {"Hello, w1.", "Hello, w2."} < set(archive.said)


async def test_what_linked_accounts_were_before_is_given_too() -> None:
    async with _hub() as (hub, artifacts):
        ada, other = hub.person("ada"), hub.person("ada-at-work")
        await ada.talks("My cat is called Pixel.", "Hm.")
        await other.talks("My boss is a fool.", "Oh.")
        for each, zone in ((ada, "Europe/Vienna"), (other, "Asia/Tokyo")):
            await each.whispers(f"/timezone {zone}")
        code = (await ada.whispers("/link")).split("**")[1]
        await other.whispers(f"/link {code}")

        archive = await _exports(other, artifacts)

    assert {"My cat is called Pixel.", "My boss is a fool."} < set(archive.said)
    assert {each["user"] for each in archive.about["accounts"]} == {"ada", "ada-at-work"}
    assert len(archive.about["agents"]) == 2
    zones = [each["texts"] for each in archive.about["kept"] if each["name"] == "zone"]
    assert sorted(zones) == [["Asia/Tokyo"], ["Europe/Vienna"]]


async def test_an_agent_that_is_gone_holds_up_nothing() -> None:
    async with _hub() as (hub, artifacts):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")
        hub.agents.lose_agent(hub.agents.created[-1][2])

        archive = await _exports(ada, artifacts)

    assert archive.about["agents"][0]["not_told"] == "Your agent can not be found."
    assert "Hello." in archive.said


@pytest.mark.parametrize("words", ["all", "-1", "1.5", "9" * 30, "²"])
async def test_a_wrong_number_is_told(words: str) -> None:
    async with _hub() as (hub, _):
        assert await hub.person("ada").whispers(f"/export {words}") == HOW


async def test_without_files_nothing_is_given_out(hub: FakeHub) -> None:
    assert await hub.person("ada").whispers("/export") == NO_FILES


async def test_while_memory_can_not_be_read_nothing_half_is_given_out() -> None:
    async with _hub() as (hub, _):
        ada = hub.person("ada")
        await ada.talks("Hello.", "Hi.")
        hub.agents.go_down()

        assert await ada.whispers("/export") == UNREACHABLE
