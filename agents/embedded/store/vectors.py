"""Statements about embeddings of archival memory and of files."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Searched:
    """One kind of thing that is searched by meaning, as SQL: only constants of this module."""

    vectors: str
    things: str
    """The things of an agent, to be completed by its id; with `position` and `text`."""


PASSAGES: Final = Searched(
    "passage_vectors", "SELECT position, text FROM passages WHERE agent_id = ?"
)
CHUNKS: Final = Searched(
    "chunk_vectors",
    "SELECT file_chunks.position AS position, file_chunks.text AS text FROM file_chunks"
    " JOIN files ON files.id = file_chunks.file_id"
    " JOIN agent_folders ON agent_folders.folder_id = files.folder_id WHERE agent_id = ?",
)


def missing(
    db: sqlite3.Connection, kind: Searched, agent_id: str, model: str, limit: int
) -> list[tuple[int, str]]:
    """What has no vector of this model yet, newest first."""
    rows = db.execute(
        f"SELECT things.position, things.text FROM ({kind.things}) AS things"  # noqa: S608 - constants
        f" LEFT JOIN {kind.vectors} AS known ON known.position = things.position AND model = ?"
        " WHERE known.position IS NULL ORDER BY things.position DESC LIMIT ?",
        (agent_id, model, limit),
    )
    return [(row["position"], row["text"]) for row in rows]


def put(
    db: sqlite3.Connection, kind: Searched, model: str, made: Sequence[tuple[int, bytes]]
) -> None:
    """Store vectors; what was removed meanwhile is left out."""
    things = "passages" if kind is PASSAGES else "file_chunks"
    db.executemany(
        f"INSERT OR REPLACE INTO {kind.vectors} (position, model, vector)"  # noqa: S608 - constants
        f" SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM {things} WHERE position = ?)",
        [(position, model, vector, position) for position, vector in made],
    )


def of_agent(
    db: sqlite3.Connection, kind: Searched, agent_id: str, model: str
) -> list[tuple[int, bytes]]:
    """All vectors of this model, each with the position of its thing."""
    rows = db.execute(
        f"SELECT known.position, known.vector FROM ({kind.things}) AS things"  # noqa: S608 - constants
        f" JOIN {kind.vectors} AS known ON known.position = things.position WHERE model = ?",
        (agent_id, model),
    )
    return [(row["position"], row["vector"]) for row in rows]


def size_of(db: sqlite3.Connection, kind: Searched, model: str) -> int | None:
    """How many bytes a vector of this model has; None before the first."""
    row = db.execute(
        f"SELECT length(vector) AS size FROM {kind.vectors} WHERE model = ? LIMIT 1",  # noqa: S608 - constants
        (model,),
    ).fetchone()
    return None if row is None else row["size"]
