"""Folders as REST sees them: files are read once, when they are uploaded."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from agents.embedded.errors import Conflict, NotFound, Refused
from agents.embedded.ids import new_id
from agents.embedded.records import Chunk, File, Folder, Json
from agents.embedded.services.agents import need_agent
from agents.embedded.services.reading_files import Unreadable, chunks_of, text_in
from agents.embedded.steps.file_tools import FILE_TOOLS
from agents.embedded.store import folders, tools
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page

LARGEST_FILE_BYTES = 10 * 1024 * 1024

OnDuplicate: TypeAlias = Literal["skip", "error", "suffix", "replace"]


class FolderService:
    """Everything REST may do to folders and files. Unknown ids raise NotFound."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, folder: Folder) -> Folder:
        """Make an empty folder; Conflict when another one has its name."""

        def create(db: sqlite3.Connection) -> None:
            _need_free(db, folder)
            folders.insert(db, folder)

        await self._database.write(create)
        return folder

    async def get(self, folder_id: str) -> Folder:
        """One folder."""
        return await self._database.read(lambda db: _need(db, folder_id))

    async def list_page(self, name: str | None, page: Page) -> list[Folder]:
        """A page of folders."""
        return await self._database.read(lambda db: folders.list_page(db, name, page))

    async def update(self, folder_id: str, change: Json) -> Folder:
        """Change the fields that are given; Conflict when another folder has the name."""

        def update(db: sqlite3.Connection) -> Folder:
            changed = replace(_need(db, folder_id), **change)
            _need_free(db, changed)
            folders.update(db, changed)
            return changed

        return await self._database.write(update)

    async def delete(self, folder_id: str) -> None:
        """Remove a folder with its files, from its agents too."""

        def delete(db: sqlite3.Connection) -> None:
            _need(db, folder_id)
            for agent_id in folders.agents_of(db, folder_id):
                _detach(db, agent_id, folder_id)
            folders.delete(db, folder_id)

        await self._database.write(delete)

    async def upload(
        self, folder_id: str, name: str, mime: str, data: bytes, on_duplicate: OnDuplicate
    ) -> File:
        """Store a file; one that holds no text is kept with the status `error` and a reason."""
        if len(data) > LARGEST_FILE_BYTES:
            raise Refused(f"A file may have {LARGEST_FILE_BYTES} bytes; this one has {len(data)}.")
        content, chunks, error = _read(data)
        moment = datetime.now(UTC).isoformat()
        new = File(
            id=new_id("file"),
            folder_id=folder_id,
            name=name,
            mime=mime,
            size=len(data),
            content=content,
            created_at=moment,
            error=error,
            chunks=len(chunks),
        )
        return await self._database.write(lambda db: _store(db, new, chunks, on_duplicate))

    async def files(self, folder_id: str, page: Page) -> list[File]:
        """A page of a folder's files."""

        def read(db: sqlite3.Connection) -> list[File]:
            _need(db, folder_id)
            return folders.list_files(db, folder_id, page)

        return await self._database.read(read)

    async def file(self, folder_id: str, file_id: str) -> File:
        """One file."""
        file = await self._database.read(lambda db: folders.get_file(db, folder_id, file_id))
        if file is None:
            raise NotFound(f"File with ID {file_id} not found")
        return file

    async def delete_file(self, folder_id: str, file_id: str) -> None:
        """Remove a file."""
        if not await self._database.write(lambda db: folders.delete_file(db, folder_id, file_id)):
            raise NotFound(f"File with ID {file_id} not found")

    async def of_agent(self, agent_id: str) -> list[Folder]:
        """The folders an agent may look into."""

        def read(db: sqlite3.Connection) -> list[Folder]:
            need_agent(db, agent_id)
            return folders.of_agent(db, agent_id)

        return await self._database.read(read)

    async def files_of_agent(self, agent_id: str) -> list[tuple[Folder, File]]:
        """The files an agent may look into."""

        def read(db: sqlite3.Connection) -> list[tuple[Folder, File]]:
            need_agent(db, agent_id)
            return folders.files_of_agent(db, agent_id)

        return await self._database.read(read)

    async def agents_of(self, folder_id: str) -> list[str]:
        """The agents that may look into a folder."""
        return await self._database.read(lambda db: folders.agents_of(db, folder_id))

    async def attach(self, agent_id: str, folder_id: str) -> None:
        """Let an agent look into a folder, with the tools to do it."""

        def attach(db: sqlite3.Connection) -> None:
            need_agent(db, agent_id)
            folders.attach(db, agent_id, _need(db, folder_id).id)
            for tool in tools.named(db, list(FILE_TOOLS)):
                tools.attach(db, agent_id, tool.id)

        await self._database.write(attach)

    async def detach(self, agent_id: str, folder_id: str) -> None:
        """Close a folder to an agent; with the last one go its tools."""

        def detach(db: sqlite3.Connection) -> None:
            need_agent(db, agent_id)
            _detach(db, agent_id, _need(db, folder_id).id)

        await self._database.write(detach)


def _need(db: sqlite3.Connection, folder_id: str) -> Folder:
    folder = folders.get(db, folder_id)
    if folder is None:
        raise NotFound(f"Folder with ID {folder_id} not found")
    return folder


def _need_free(db: sqlite3.Connection, folder: Folder) -> None:
    """Refuse a name that another folder has: agents are shown files by the name of theirs."""
    named = folders.list_page(db, folder.name, Page(limit=2, ascending=True))
    if any(other.id != folder.id for other in named):
        raise Conflict(
            "A unique constraint was violated for Source. Check your input for duplicates: "
            f'a folder has the name "{folder.name}".'
        )


def _detach(db: sqlite3.Connection, agent_id: str, folder_id: str) -> None:
    folders.detach(db, agent_id, folder_id)
    if not folders.of_agent(db, agent_id):
        for tool in tools.named(db, list(FILE_TOOLS)):
            tools.detach(db, agent_id, tool.id)


def _read(data: bytes) -> tuple[str, list[Chunk], str | None]:
    try:
        text = text_in(data)
    except Unreadable as error:
        return "", [], str(error)
    return text, chunks_of(text), None


def _store(
    db: sqlite3.Connection, new: File, chunks: list[Chunk], on_duplicate: OnDuplicate
) -> File:
    _need(db, new.folder_id)
    known = folders.named_file(db, new.folder_id, new.name)
    if known is not None and on_duplicate == "skip":
        return known
    if known is not None and on_duplicate == "error":
        raise Conflict(f'CONFLICT: The folder already has a file named "{new.name}".')
    if known is not None and on_duplicate == "replace":
        folders.delete_file(db, new.folder_id, known.id)
    elif known is not None:
        new = replace(new, name=_free_name(db, new))
    folders.insert_file(db, new, chunks)
    return new


def _free_name(db: sqlite3.Connection, new: File) -> str:
    path, number = PurePosixPath(new.name), 1
    while folders.named_file(db, new.folder_id, f"{path.stem}_({number}){path.suffix}"):
        number += 1
    return f"{path.stem}_({number}){path.suffix}"
