"""Statements about folders, their files, and which agents may look into them."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from agents.embedded.records import Chunk, File, Folder
from agents.embedded.store.codec import dump, load_object
from agents.embedded.store.paging import Page, page_rows
from agents.embedded.store.words import any_word


@dataclass(frozen=True, slots=True)
class FoundChunk:
    """A piece of a file that matches a search."""

    file_name: str
    chunk: Chunk


def insert(db: sqlite3.Connection, folder: Folder) -> None:
    """A new folder."""
    db.execute(
        "INSERT INTO folders (id, name, description, instructions, metadata, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            folder.id,
            folder.name,
            folder.description,
            folder.instructions,
            dump(folder.metadata),
            folder.created_at,
        ),
    )


def update(db: sqlite3.Connection, folder: Folder) -> None:
    """The changeable fields of a folder."""
    db.execute(
        "UPDATE folders SET name = ?, description = ?, instructions = ?, metadata = ? WHERE id = ?",
        (folder.name, folder.description, folder.instructions, dump(folder.metadata), folder.id),
    )


def get(db: sqlite3.Connection, folder_id: str) -> Folder | None:
    """One folder."""
    row = db.execute("SELECT * FROM folders WHERE id = ?", (folder_id,)).fetchone()
    return None if row is None else _folder(row)


def list_page(db: sqlite3.Connection, name: str | None, page: Page) -> list[Folder]:
    """A page of all folders, or of those with this name."""
    where, values = ([], []) if name is None else (["name = ?"], [name])
    return [_folder(row) for row in page_rows(db, "folders", where, list(values), page)]


def delete(db: sqlite3.Connection, folder_id: str) -> bool:
    """Remove a folder with its files."""
    return db.execute("DELETE FROM folders WHERE id = ?", (folder_id,)).rowcount > 0


def insert_file(db: sqlite3.Connection, file: File, chunks: Sequence[Chunk]) -> None:
    """A new file, to be found by its words."""
    db.execute(
        "INSERT INTO files (id, folder_id, name, mime, size, content, error, chunks, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file.id,
            file.folder_id,
            file.name,
            file.mime,
            file.size,
            file.content,
            file.error,
            len(chunks),
            file.created_at,
        ),
    )
    db.executemany(
        "INSERT INTO file_chunks (file_id, first_line, text) VALUES (?, ?, ?)",
        [(file.id, chunk.first_line, chunk.text) for chunk in chunks],
    )


def list_files(db: sqlite3.Connection, folder_id: str, page: Page) -> list[File]:
    """A page of a folder's files."""
    return [_file(row) for row in page_rows(db, "files", ["folder_id = ?"], [folder_id], page)]


def get_file(db: sqlite3.Connection, folder_id: str, file_id: str) -> File | None:
    """One file."""
    row = db.execute(
        "SELECT * FROM files WHERE folder_id = ? AND id = ?", (folder_id, file_id)
    ).fetchone()
    return None if row is None else _file(row)


def named_file(db: sqlite3.Connection, folder_id: str, name: str) -> File | None:
    """The file of this name."""
    row = db.execute(
        "SELECT * FROM files WHERE folder_id = ? AND name = ?", (folder_id, name)
    ).fetchone()
    return None if row is None else _file(row)


def delete_file(db: sqlite3.Connection, folder_id: str, file_id: str) -> bool:
    """Remove a file."""
    removed = db.execute("DELETE FROM files WHERE folder_id = ? AND id = ?", (folder_id, file_id))
    return removed.rowcount > 0


def attach(db: sqlite3.Connection, agent_id: str, folder_id: str) -> None:
    """Let an agent look into a folder; doing so already is fine."""
    db.execute(
        "INSERT OR IGNORE INTO agent_folders (agent_id, folder_id) VALUES (?, ?)",
        (agent_id, folder_id),
    )


def detach(db: sqlite3.Connection, agent_id: str, folder_id: str) -> None:
    """Close a folder to an agent."""
    db.execute(
        "DELETE FROM agent_folders WHERE agent_id = ? AND folder_id = ?", (agent_id, folder_id)
    )


def of_agent(db: sqlite3.Connection, agent_id: str) -> list[Folder]:
    """The folders an agent may look into."""
    rows = db.execute(
        "SELECT folders.* FROM agent_folders JOIN folders ON folders.id = agent_folders.folder_id"
        " WHERE agent_id = ? ORDER BY folders.position",
        (agent_id,),
    ).fetchall()
    return [_folder(row) for row in rows]


def agents_of(db: sqlite3.Connection, folder_id: str) -> list[str]:
    """The agents that may look into a folder."""
    rows = db.execute("SELECT agent_id FROM agent_folders WHERE folder_id = ?", (folder_id,))
    return [row["agent_id"] for row in rows.fetchall()]


def files_of_agent(db: sqlite3.Connection, agent_id: str) -> list[tuple[Folder, File]]:
    """Every file an agent may look into, with its folder."""
    page = Page(limit=10_000, ascending=True)
    return [
        (folder, file)
        for folder in of_agent(db, agent_id)
        for file in list_files(db, folder.id, page)
    ]


def positions_of(db: sqlite3.Connection, agent_id: str, query: str, limit: int) -> list[int]:
    """Where the pieces of an agent's files are that share words with the query, best first."""
    words = any_word(query)
    if not words:
        return []
    rows = db.execute(
        "SELECT file_chunks.position FROM file_words"
        " JOIN file_chunks ON file_chunks.position = file_words.rowid"
        " JOIN files ON files.id = file_chunks.file_id"
        " JOIN agent_folders ON agent_folders.folder_id = files.folder_id"
        " WHERE file_words MATCH ? AND agent_id = ?"
        " ORDER BY bm25(file_words), file_chunks.position LIMIT ?",
        (words, agent_id, limit),
    )
    return [row["position"] for row in rows]


def chunks_at(db: sqlite3.Connection, positions: Sequence[int]) -> list[FoundChunk]:
    """The pieces at these positions, in their order; those that are gone are left out."""
    query = (
        "SELECT files.name, file_chunks.first_line, file_chunks.text FROM file_chunks"
        " JOIN files ON files.id = file_chunks.file_id WHERE file_chunks.position = ?"
    )
    found = (db.execute(query, (position,)).fetchone() for position in positions)
    return [
        FoundChunk(row["name"], Chunk(row["first_line"], row["text"]))
        for row in found
        if row is not None
    ]


def search(db: sqlite3.Connection, agent_id: str, query: str, limit: int) -> list[FoundChunk]:
    """The pieces of an agent's files that share words with the query, best first."""
    return chunks_at(db, positions_of(db, agent_id, query, limit))


def _folder(row: sqlite3.Row) -> Folder:
    return Folder(
        id=row["id"],
        name=row["name"],
        created_at=row["created_at"],
        description=row["description"],
        instructions=row["instructions"],
        metadata=load_object(row["metadata"]),
    )


def _file(row: sqlite3.Row) -> File:
    return File(
        id=row["id"],
        folder_id=row["folder_id"],
        name=row["name"],
        mime=row["mime"],
        size=row["size"],
        content=row["content"],
        created_at=row["created_at"],
        error=row["error"],
        chunks=row["chunks"],
    )
