"""Statements about archival memory, searched by its words (FTS5, stemmed)."""

import sqlite3
from collections.abc import Sequence

from agents.embedded.records import Passage
from agents.embedded.store.codec import dump, load_object, load_strings
from agents.embedded.store.paging import Page, page_rows
from agents.embedded.store.words import any_word


def insert(db: sqlite3.Connection, passage: Passage) -> None:
    """Add an entry to an agent's archival memory."""
    db.execute(
        "INSERT INTO passages (id, agent_id, text, tags, metadata, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            passage.id,
            passage.agent_id,
            passage.text,
            dump(passage.tags),
            dump(passage.metadata),
            passage.created_at,
        ),
    )


def delete(db: sqlite3.Connection, agent_id: str, passage_id: str) -> bool:
    """Remove an entry; False when the agent has none such."""
    removed = db.execute(
        "DELETE FROM passages WHERE agent_id = ? AND id = ?", (agent_id, passage_id)
    )
    return removed.rowcount > 0


def delete_all(db: sqlite3.Connection, agent_id: str) -> None:
    """Remove every entry of an agent."""
    db.execute("DELETE FROM passages WHERE agent_id = ?", (agent_id,))


def list_page(
    db: sqlite3.Connection, agent_id: str, page: Page, text: str | None = None
) -> list[Passage]:
    """A page of an agent's archival memory, or of the entries that contain the text."""
    where, values = ["agent_id = ?"], [agent_id]
    if text:
        where.append("instr(lower(text), lower(?)) > 0")
        values.append(text)
    return [_read(row) for row in page_rows(db, "passages", where, list(values), page)]


def positions_of(db: sqlite3.Connection, agent_id: str, query: str, limit: int) -> list[int]:
    """Where the entries are that share words with the query, best first."""
    words = any_word(query)
    if not words:
        return []
    rows = db.execute(
        "SELECT passages.position FROM passage_words JOIN passages ON"
        " passages.position = passage_words.rowid WHERE passage_words MATCH ? AND agent_id = ?"
        " ORDER BY bm25(passage_words), passages.position DESC LIMIT ?",
        (words, agent_id, limit),
    )
    return [row["position"] for row in rows]


def at(db: sqlite3.Connection, positions: Sequence[int]) -> list[Passage]:
    """The entries at these positions, in their order; those that are gone are left out."""
    found = (
        db.execute("SELECT * FROM passages WHERE position = ?", (position,)).fetchone()
        for position in positions
    )
    return [_read(row) for row in found if row is not None]


def search(db: sqlite3.Connection, agent_id: str, query: str, limit: int) -> list[Passage]:
    """The entries that share words with the query, best first."""
    return at(db, positions_of(db, agent_id, query, limit))


def _read(row: sqlite3.Row) -> Passage:
    return Passage(
        id=row["id"],
        agent_id=row["agent_id"],
        text=row["text"],
        created_at=row["created_at"],
        tags=load_strings(row["tags"]),
        metadata=load_object(row["metadata"]),
    )
