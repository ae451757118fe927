"""The words of messages are indexed many at a time, and no search misses those that still wait."""

import sqlite3
from collections.abc import AsyncGenerator
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from agents.embedded.records import Agent, Conversation, UserSaid
from agents.embedded.store import agents, conversations, messages
from agents.embedded.store.codec import dump_body
from agents.embedded.store.database import Database, open_database
from tests.unit.agents.embedded.contexts import NOON, message

MOMENT = NOON.isoformat()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with open_database(tmp_path / "letta.db") as database:
        await database.write(_make_threads)
        yield database


def _make_threads(db: sqlite3.Connection) -> None:
    agents.insert(db, Agent("agent", "ada", "letta_v1_agent", "", "m/m", MOMENT, MOMENT))
    for thread in ("conv", "other"):
        conversations.insert(db, Conversation(thread, "agent", MOMENT, MOMENT))


async def _say(database: Database, *texts: str, thread: str = "conv") -> None:
    def store(db: sqlite3.Connection) -> None:
        for text in texts:
            messages.insert(db, replace(message(UserSaid(text)), conversation_id=thread))

    await database.write(store)


async def _found(database: Database, words: str) -> list[object]:
    """What a search gives for words that no message contains as they stand."""
    found = await database.write(lambda db: messages.search(db, "agent", words, 1000))
    await database.write(_check_index)
    return [item.body.content for item in found if isinstance(item.body, UserSaid)]


def _check_index(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")


def _indexed(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM message_words").fetchone()[0])


def _indexed_to(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT position FROM message_words_end").fetchone()[0])


async def test_a_message_is_found_before_its_words_are_indexed(database: Database) -> None:
    await _say(database, "my boat is red", "good morning")

    assert await database.read(_indexed) == 0
    assert await _found(database, "boats of wood") == ["my boat is red"]
    await _say(database, "a boat again")
    assert await _found(database, "boats of wood") == ["a boat again", "my boat is red"]


async def test_in_a_long_talk_each_message_is_indexed_once(database: Database) -> None:
    said = [f"boat number{number}" for number in range(250)]
    await _say(database, *said)

    assert await database.read(_indexed) == 200
    assert sorted(map(str, await _found(database, "boats sail"))) == sorted(said)
    assert await database.read(_indexed) == 250


async def test_what_is_deleted_is_found_no_more_indexed_or_not(database: Database) -> None:
    await _say(database, "a boat of old", "kept boat", thread="other")
    await _found(database, "boats sail")
    await _say(database, "a boat", "one more boat")
    await database.write(lambda db: messages.delete_all(db, "conv"))

    assert len(await _found(database, "boats sail")) == 2
    await database.write(lambda db: messages.delete_all(db, "other"))
    assert await _found(database, "boats sail") == []
    await _say(database, "a boat anew")
    assert await _found(database, "boats sail") == ["a boat anew"]


async def test_a_file_from_before_keeps_its_index(tmp_path: Path) -> None:
    _make_version_5(tmp_path / "letta.db", "an old boat", "old news")

    async with open_database(tmp_path / "letta.db") as database:
        assert await database.read(_indexed_to) == 2
        await _say(database, "a new boat")

        assert set(await _found(database, "boats sail")) == {"an old boat", "a new boat"}
        assert await database.read(_indexed) == 3
        await database.write(lambda db: messages.delete_all(db, "conv"))
        assert await _found(database, "boats sail") == []


def _make_version_5(path: Path, *texts: str) -> None:
    folder = resources.files("agents.embedded.store.migrations")
    scripts = sorted(file.name for file in folder.iterdir() if file.name < "0006")
    db = sqlite3.connect(path, isolation_level=None)
    for name in scripts:
        if name.endswith(".sql"):
            db.executescript((folder / name).read_text("utf-8"))
    db.execute("PRAGMA user_version = 5")
    _make_threads(db)
    for number, text in enumerate(texts):
        db.execute(
            "INSERT INTO messages (id, conversation_id, agent_id, body, created_at)"
            " VALUES (?, 'conv', 'agent', ?, ?)",
            (f"message-{number}", dump_body(UserSaid(text)), MOMENT),
        )
    db.close()
