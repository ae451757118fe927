"""Statements about the summaries of what scrolled out of a conversation's window."""

import sqlite3

from agents.embedded.records import Summary


def insert(
    db: sqlite3.Connection, conversation_id: str, text: str, last_message_id: str, moment: str
) -> None:
    """Keep a summary that covers everything up to and with this message."""
    db.execute(
        "INSERT INTO summaries (conversation_id, text, covers_to, created_at)"
        " SELECT ?, ?, position, ? FROM messages WHERE id = ?",
        (conversation_id, text, moment, last_message_id),
    )


def newest(db: sqlite3.Connection, conversation_id: str) -> Summary | None:
    """The summary that counts, if the conversation has been summarised at all."""
    row = db.execute(
        "SELECT text, covers_to FROM summaries WHERE conversation_id = ?"
        " ORDER BY covers_to DESC, position DESC LIMIT 1",
        (conversation_id,),
    ).fetchone()
    return None if row is None else Summary(row["text"], row["covers_to"])


def delete_all(db: sqlite3.Connection, conversation_id: str) -> None:
    """Forget a conversation's summaries."""
    db.execute("DELETE FROM summaries WHERE conversation_id = ?", (conversation_id,))
