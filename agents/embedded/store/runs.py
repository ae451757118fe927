"""Statements about runs: their state, the requests they answer, the events they streamed."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from agents.embedded.records import Run
from agents.embedded.store.codec import (
    dump,
    dump_request,
    dump_usage,
    load_object,
    load_request,
    load_usage,
)
from agents.embedded.store.paging import Page, page_rows


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a listing shows."""

    agent_ids: tuple[str, ...] = ()
    conversation_id: str | None = None
    statuses: tuple[str, ...] = ()
    background: bool | None = None
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class EventChunk:
    """The events of one finished step, compressed."""

    first_seq: int
    last_seq: int
    payload: bytes


def insert(db: sqlite3.Connection, run: Run, token: str | None, otids: Sequence[str]) -> None:
    """A new run and the request it answers."""
    db.execute(
        "INSERT INTO runs (id, agent_id, conversation_id, status, request, request_token, usage,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            run.id,
            run.agent_id,
            run.conversation_id,
            run.status,
            dump_request(run.request),
            token,
            dump_usage(run.usage),
            run.created_at,
        ),
    )
    db.executemany(
        "INSERT OR REPLACE INTO run_otids (otid, run_id) VALUES (?, ?)",
        [(otid, run.id) for otid in otids],
    )


def save(db: sqlite3.Connection, run: Run) -> None:
    """Everything about a run that changes while it goes on."""
    db.execute(
        "UPDATE runs SET status = ?, stop_reason = ?, usage = ?, error = ?, completed_at = ?,"
        " first_token_ns = ?, generation = ? WHERE id = ?",
        (
            run.status,
            run.stop_reason,
            dump_usage(run.usage),
            None if run.error is None else dump(run.error),
            run.completed_at,
            run.first_token_ns,
            run.generation,
            run.id,
        ),
    )


def get(db: sqlite3.Connection, run_id: str) -> Run | None:
    """One run."""
    return _one(db, "SELECT * FROM runs WHERE id = ?", run_id)


def answering(db: sqlite3.Connection, conversation_id: str, token: str) -> Run | None:
    """The run that already answers this very request."""
    return _one(
        db,
        "SELECT * FROM runs WHERE conversation_id = ? AND request_token = ?",
        conversation_id,
        token,
    )


def of_otid(db: sqlite3.Connection, otid: str) -> Run | None:
    """The run whose request had a message with this threading id."""
    return _one(
        db,
        "SELECT runs.* FROM run_otids JOIN runs ON runs.id = run_otids.run_id WHERE otid = ?",
        otid,
    )


def active_in(db: sqlite3.Connection, conversation_id: str) -> Run | None:
    """The run that holds the conversation."""
    return _one(
        db,
        "SELECT * FROM runs WHERE conversation_id = ? AND status IN ('created', 'running')",
        conversation_id,
    )


def unfinished(db: sqlite3.Connection) -> list[Run]:
    """Every run that has not ended, oldest first."""
    rows = db.execute(
        "SELECT * FROM runs WHERE status IN ('created', 'running') ORDER BY position"
    ).fetchall()
    return [_read(row) for row in rows]


def list_page(db: sqlite3.Connection, wanted: RunFilter, page: Page) -> list[Run]:
    """A page of the runs that match."""
    where: list[str] = []
    values: list[object] = []
    for column, wanted_values in (("agent_id", wanted.agent_ids), ("status", wanted.statuses)):
        if wanted_values:
            where.append(f"{column} IN (SELECT value FROM json_each(?))")  # noqa: S608 - our own names
            values.append(dump(wanted_values))
    if wanted.conversation_id is not None:
        where.append("conversation_id = ?")
        values.append(wanted.conversation_id)
    if wanted.stop_reason is not None:
        where.append("stop_reason = ?")
        values.append(wanted.stop_reason)
    if wanted.background is not None:
        where.append("json_extract(request, '$.background') = ?")
        values.append(int(wanted.background))
    return [_read(row) for row in page_rows(db, "runs", where, values, page)]


def append_events(db: sqlite3.Connection, run_id: str, chunk: EventChunk) -> None:
    """Keep the events of a finished step."""
    db.execute(
        "INSERT INTO run_events (run_id, first_seq, last_seq, payload) VALUES (?, ?, ?, ?)",
        (run_id, chunk.first_seq, chunk.last_seq, chunk.payload),
    )


def events_of(db: sqlite3.Connection, run_id: str) -> list[EventChunk]:
    """Every kept event of a run, in order."""
    rows = db.execute(
        "SELECT first_seq, last_seq, payload FROM run_events WHERE run_id = ? ORDER BY first_seq",
        (run_id,),
    ).fetchall()
    return [EventChunk(row["first_seq"], row["last_seq"], row["payload"]) for row in rows]


def _one(db: sqlite3.Connection, sql: str, *values: object) -> Run | None:
    row = db.execute(sql, values).fetchone()
    return None if row is None else _read(row)


def _read(row: sqlite3.Row) -> Run:
    return Run(
        id=row["id"],
        agent_id=row["agent_id"],
        conversation_id=row["conversation_id"],
        status=row["status"],
        request=load_request(row["request"]),
        created_at=row["created_at"],
        stop_reason=row["stop_reason"],
        completed_at=row["completed_at"],
        usage=load_usage(row["usage"]),
        error=None if row["error"] is None else load_object(row["error"]),
        generation=row["generation"],
        first_token_ns=row["first_token_ns"],
    )
