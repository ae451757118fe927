"""Statements about conversations and the approval each may wait for."""

import sqlite3
from dataclasses import dataclass

from agents.embedded.records import Conversation
from agents.embedded.store.codec import dump, load_object
from agents.embedded.store.paging import Page, page_rows


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Which conversations a listing shows; default threads are never shown."""

    agent_id: str | None = None
    summary_search: str | None = None
    archived: bool | None = False
    """None shows both."""


def insert(db: sqlite3.Connection, conversation: Conversation) -> None:
    """A new conversation."""
    db.execute(
        "INSERT INTO conversations (id, agent_id, summary, archived, settings, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            conversation.id,
            conversation.agent_id,
            conversation.summary,
            int(conversation.archived),
            dump(conversation.settings),
            conversation.created_at,
            conversation.updated_at,
        ),
    )


def update(db: sqlite3.Connection, conversation: Conversation) -> None:
    """The changeable fields of a conversation."""
    db.execute(
        "UPDATE conversations SET summary = ?, archived = ?, settings = ?, updated_at = ?"
        " WHERE id = ?",
        (
            conversation.summary,
            int(conversation.archived),
            dump(conversation.settings),
            conversation.updated_at,
            conversation.id,
        ),
    )


def touch(db: sqlite3.Connection, conversation_id: str, moment: str) -> None:
    """Remember when it was last spoken in."""
    db.execute(
        "UPDATE conversations SET last_message_at = ? WHERE id = ?", (moment, conversation_id)
    )


def delete(db: sqlite3.Connection, conversation_id: str) -> bool:
    """Remove a conversation with its messages and runs."""
    return db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,)).rowcount > 0


def get(db: sqlite3.Connection, conversation_id: str) -> Conversation | None:
    """One conversation."""
    row = db.execute("SELECT * FROM conversations WHERE id = ?", (conversation_id,)).fetchone()
    return None if row is None else _read(row)


def list_page(db: sqlite3.Connection, wanted: ConversationFilter, page: Page) -> list[Conversation]:
    """A page of the conversations that match."""
    where = ["id <> agent_id"]
    values: list[object] = []
    if wanted.agent_id is not None:
        where.append("agent_id = ?")
        values.append(wanted.agent_id)
    if wanted.summary_search:
        where.append("instr(lower(ifnull(summary, '')), lower(?)) > 0")
        values.append(wanted.summary_search)
    if wanted.archived is not None:
        where.append("archived = ?")
        values.append(int(wanted.archived))
    return [_read(row) for row in page_rows(db, "conversations", where, values, page)]


def pending_message(db: sqlite3.Connection, conversation_id: str) -> str | None:
    """The message whose tool calls wait for the client, if any."""
    row = db.execute(
        "SELECT pending_message_id FROM conversations WHERE id = ?", (conversation_id,)
    ).fetchone()
    return None if row is None else row["pending_message_id"]


def rewritten(db: sqlite3.Connection, conversation_id: str) -> int:
    """How often messages of the conversation were changed or removed."""
    row = db.execute(
        "SELECT rewritten FROM conversations WHERE id = ?", (conversation_id,)
    ).fetchone()
    return 0 if row is None else int(row["rewritten"])


def set_pending(db: sqlite3.Connection, conversation_id: str, message_id: str | None) -> None:
    """Start or stop waiting for the client's tool results."""
    db.execute(
        "UPDATE conversations SET pending_message_id = ? WHERE id = ?",
        (message_id, conversation_id),
    )


def _read(row: sqlite3.Row) -> Conversation:
    return Conversation(
        id=row["id"],
        agent_id=row["agent_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        summary=row["summary"],
        archived=bool(row["archived"]),
        last_message_at=row["last_message_at"],
        settings=load_object(row["settings"]),
    )
