"""Statements about the messages of conversations."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from agents.embedded.records import Message
from agents.embedded.store.codec import dump_body, load_body
from agents.embedded.store.paging import Page, page_rows
from agents.embedded.store.words import any_word

_INDEXED_TOGETHER: Final = 100
"""The words of so many messages are indexed at once; a search does not miss what still waits."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A message, where it stands, and how long its stored body is."""

    position: int
    size: int
    message: Message


def insert(db: sqlite3.Connection, message: Message) -> None:
    """Append a message to its conversation."""
    inserted = db.execute(
        "INSERT INTO messages (id, conversation_id, agent_id, run_id, step_id, otid, name,"
        " is_error, body, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.id,
            message.conversation_id,
            message.agent_id,
            message.run_id,
            message.step_id,
            message.otid,
            message.name,
            int(message.is_error),
            dump_body(message.body),
            message.created_at,
        ),
    )
    if (inserted.lastrowid or 0) % _INDEXED_TOGETHER == 0:
        _index_words(db)


def get(db: sqlite3.Connection, message_id: str) -> Message | None:
    """One message."""
    row = db.execute("SELECT * FROM messages WHERE id = ?", (message_id,)).fetchone()
    return None if row is None else _read(row)


def after(db: sqlite3.Connection, conversation_id: str, position: int) -> list[Message]:
    """A conversation's history behind this position, oldest first."""
    return [placed.message for placed in placed_after(db, conversation_id, position)]


def placed_after(db: sqlite3.Connection, conversation_id: str, position: int) -> list[Placed]:
    """The same, with positions and sizes."""
    rows = db.execute(
        "SELECT * FROM messages WHERE conversation_id = ? AND position > ? AND is_error = 0"
        " ORDER BY position",
        (conversation_id, position),
    )
    return [Placed(row["position"], len(row["body"]), _read(row)) for row in rows]


def count(db: sqlite3.Connection, conversation_id: str) -> int:
    """How many messages the conversation's history has."""
    row = db.execute(
        "SELECT count(*) AS n FROM messages WHERE conversation_id = ? AND is_error = 0",
        (conversation_id,),
    ).fetchone()
    return int(row["n"])


def list_page(
    db: sqlite3.Connection, conversation_id: str, page: Page, *, with_errors: bool = False
) -> list[Message]:
    """A page of a conversation."""
    where = ["conversation_id = ?"] if with_errors else ["conversation_id = ?", "is_error = 0"]
    return [_read(row) for row in page_rows(db, "messages", where, [conversation_id], page)]


def of_run(db: sqlite3.Connection, run_id: str, page: Page) -> list[Message]:
    """A page of one run's messages, its input included."""
    return [_read(row) for row in page_rows(db, "messages", ["run_id = ?"], [run_id], page)]


def search(
    db: sqlite3.Connection, agent_id: str, words: str, limit: int, *, except_run: str = ""
) -> list[Message]:
    """An agent's messages, in all its conversations, that contain the text: newest first.

    When none does, those that share words with it: best first. What was said in the run
    `except_run` is left out: a question is no answer to itself.
    """
    found = _containing(db, agent_id, except_run, words, limit)
    return found or _sharing(db, agent_id, except_run, words, limit)


def _containing(
    db: sqlite3.Connection, agent_id: str, except_run: str, text: str, limit: int
) -> list[Message]:
    rows = db.execute(
        "SELECT * FROM messages WHERE agent_id = ? AND is_error = 0 AND run_id IS NOT ?"
        " AND json_extract(body, '$.role') IN ('user', 'assistant')"
        " AND instr(lower(ifnull(json_extract(body, '$.content'), '') ||"
        " ifnull(json_extract(body, '$.text'), '')), lower(?)) > 0"
        " ORDER BY position DESC LIMIT ?",
        (agent_id, except_run, text, limit),
    ).fetchall()
    return [_read(row) for row in rows]


def _sharing(
    db: sqlite3.Connection, agent_id: str, except_run: str, text: str, limit: int
) -> list[Message]:
    query = any_word(text)
    if not query:
        return []
    _index_words(db)
    rows = db.execute(
        "SELECT messages.* FROM message_words JOIN messages ON"
        " messages.position = message_words.rowid WHERE message_words MATCH ?"
        " AND agent_id = ? AND is_error = 0 AND run_id IS NOT ?"
        " ORDER BY bm25(message_words), messages.position DESC LIMIT ?",
        (query, agent_id, except_run, limit),
    ).fetchall()
    return [_read(row) for row in rows]


def _index_words(db: sqlite3.Connection) -> None:
    """Index every message that is not indexed yet."""
    db.execute(
        "INSERT INTO message_words (rowid, text) SELECT position,"
        " ifnull(json_extract(body, '$.content'), '') || ifnull(json_extract(body, '$.text'), '')"
        " FROM messages WHERE position > (SELECT position FROM message_words_end)"
        " AND json_extract(body, '$.role') IN ('user', 'assistant')"
    )
    db.execute(
        "UPDATE message_words_end SET position ="
        " max(position, ifnull((SELECT max(position) FROM messages), 0))"
    )


def reject_input(db: sqlite3.Connection, run_id: str) -> None:
    """Take what was said in a failed turn out of the history; tool results stay."""
    db.execute(
        "UPDATE messages SET is_error = 1 WHERE run_id = ? AND"
        " json_extract(body, '$.role') <> 'tool'",
        (run_id,),
    )


def delete_all(db: sqlite3.Connection, conversation_id: str) -> None:
    """Empty a conversation."""
    db.execute("DELETE FROM messages WHERE conversation_id = ?", (conversation_id,))


def _read(row: sqlite3.Row) -> Message:
    return Message(
        id=row["id"],
        conversation_id=row["conversation_id"],
        agent_id=row["agent_id"],
        body=load_body(row["body"]),
        created_at=row["created_at"],
        run_id=row["run_id"],
        step_id=row["step_id"],
        otid=row["otid"],
        name=row["name"],
        is_error=bool(row["is_error"]),
    )
