"""What is kept of a conversation's window is never anything else than what is stored."""

import sqlite3
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.embedded.records import Agent, Conversation, Message, UserSaid
from agents.embedded.steps.histories import Histories
from agents.embedded.steps.window import total_tokens
from agents.embedded.store import agents, conversations, messages
from agents.embedded.store.database import Database, open_database
from tests.unit.agents.embedded.contexts import NOON, message

MOMENT = NOON.isoformat()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    def prepare(db: sqlite3.Connection) -> None:
        agents.insert(db, Agent("agent", "ada", "letta_v1_agent", "", "m/m", MOMENT, MOMENT))
        for thread in ("conv", "other"):
            conversations.insert(db, Conversation(thread, "agent", MOMENT, MOMENT))

    async with open_database(tmp_path / "letta.db") as database:
        await database.write(prepare)
        yield database


async def say(database: Database, *texts: str, run: str | None = None) -> list[Message]:
    said = [replace(message(UserSaid(text)), run_id=run) for text in texts]

    def store(db: sqlite3.Connection) -> None:
        for item in said:
            messages.insert(db, item)

    await database.write(store)
    return said


async def read(
    database: Database, histories: Histories, thread: str = "conv", covers_to: int = 0
) -> tuple[Message, ...]:
    """Read it, and hold it against what is stored."""
    kept = await database.read(lambda db: histories.read(db, thread, covers_to))
    stored = await database.read(lambda db: messages.after(db, thread, covers_to))
    assert list(kept.messages) == stored
    assert kept.tokens == total_tokens(stored)
    return kept.messages


async def test_what_is_added_is_seen_and_the_rest_is_not_read_again(database: Database) -> None:
    histories = Histories()
    await say(database, "one", "two")
    before = await read(database, histories)
    await say(database, "three")

    after = await read(database, histories)

    assert len(after) == 3
    assert all(new is old for new, old in zip(after, before, strict=False))


async def test_what_is_taken_out_is_seen_no_more(database: Database) -> None:
    histories = Histories()
    await say(database, "kept")
    await say(database, "failed", run="run-1")
    await read(database, histories)

    await database.write(lambda db: messages.reject_input(db, "run-1"))
    assert len(await read(database, histories)) == 1
    await database.write(lambda db: messages.delete_all(db, "conv"))
    assert await read(database, histories) == ()
    await say(database, "begun anew")
    assert len(await read(database, histories)) == 1


async def test_what_a_summary_covers_is_left_out(database: Database) -> None:
    histories = Histories()
    await say(database, "one", "two", "three")
    await read(database, histories)

    assert len(await read(database, histories, covers_to=2)) == 1
    assert len(await read(database, histories)) == 3


async def test_only_the_windows_read_last_are_kept(database: Database) -> None:
    histories = Histories(limit_bytes=3000)
    await say(database, "one", "two")
    first = await read(database, histories)
    await database.write(
        lambda db: messages.insert(
            db, replace(message(UserSaid("x" * 900)), conversation_id="other")
        )
    )
    other = await read(database, histories, "other")

    assert (await read(database, histories, "other"))[0] is other[0]
    assert (await read(database, histories))[0] is not first[0]
    assert (await read(database, histories, "other"))[0] is not other[0]
