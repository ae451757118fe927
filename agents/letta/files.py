"""The files that Letta's agents look things up in: each agent has one folder of its own."""

from __future__ import annotations

from contextlib import suppress

from letta_client import AsyncLetta

from agents.letta.api import read_answer, read_object, read_objects
from agents.letta.faults import AlreadyThere, Json, NotThere
from agents.letta.options import LettaOptions
from gateway.domain.artifacts import Attachment
from gateway.domain.ids import AgentId
from gateway.domain.memory import Ingestion, KnownFile
from gateway.errors import RunFailed

_PAGE = 100
_MOST_PAGES = 20
_DONE = {"completed": Ingestion.READY, "error": Ingestion.FAILED}
"""What Letta calls the ends of its work on a file; all else means that it is at it."""
_NO_SUCH_KIND = "http_415"
_INNARDS = "sqlalchemy"
_NOT_STORED = "The agent's server could not store what is in it."


class LettaFiles:
    """Implements `AgentFiles`. Letta itself needs an embedding model for it.

    The folder has the agent's id in its name, so that a repeat finds it. Letta gives an
    agent that has a folder its own tools to open and search what is in it.
    """

    def __init__(self, client: AsyncLetta, options: LettaOptions) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._folders = client.folders.with_raw_response
        self._files = client.folders.files.with_raw_response
        self._of_agents = client.agents.folders.with_raw_response
        self._choices = {"embedding": options.embedding} if options.embedding else {}

    async def files(self, agent: AgentId) -> list[KnownFile]:
        """Return all of them, by name; none of an agent that is not there."""
        folder = await self._find(agent)
        found = [] if folder is None else await self._list(folder)
        return sorted(map(_to_file, found), key=lambda file: file.name)

    async def add(self, agent: AgentId, file: Attachment, data: bytes) -> KnownFile:
        """Let Letta read a file, in the place of one of the same name."""
        folder = await self._open(agent)
        sent = (file.name, data, file.media_type)
        # With the name said by itself, Letta keeps it as it is.
        call = self._files.upload(folder, file=sent, name=file.name, duplicate_handling="replace")
        try:
            return _to_file(read_object(await read_answer(call)))
        except RunFailed as error:
            if error.kind != _NO_SUCH_KIND:
                raise
            why = "The agent's server reads no files of this kind."
            return KnownFile(file.name, len(data), Ingestion.FAILED, why)

    async def remove(self, agent: AgentId, name: str) -> bool:
        """Take the file from the agent; False when it had none of this name."""
        folder = await self._find(agent)
        found = [] if folder is None else await self._list(folder)
        named = [file for file in found if _to_file(file).name == name]
        for file in named:
            with suppress(NotThere):
                await read_answer(self._files.delete(str(file.get("id")), folder_id=str(folder)))
        return bool(named)

    async def remove_all(self, agent: AgentId) -> None:
        """Delete the agent's folder with its files; to be done again after a failure.

        A server that knows no folders has none of it.
        """
        found: list[str] = []
        with suppress(NotThere):
            found = await self._named(agent)
        for folder in found:
            with suppress(NotThere):
                await read_answer(self._folders.delete(folder))

    async def _find(self, agent: AgentId) -> str | None:
        """Return the agent's folder; None before its first file."""
        return next(iter(await self._named(agent)), None)

    async def _named(self, agent: AgentId) -> list[str]:
        name = _folder_of(agent)
        found = read_objects(
            await read_answer(self._folders.list(name=name, order="asc", limit=_PAGE))
        )
        return [str(folder.get("id")) for folder in found if folder.get("name") == name]

    async def _open(self, agent: AgentId) -> str:
        """Return the agent's folder, made and attached if it was not."""
        call = self._of_agents.list(agent, limit=_PAGE)
        try:
            attached = {str(each.get("id")) for each in read_objects(await read_answer(call))}
        except NotThere as error:
            raise RunFailed("your agent can not be found.", kind="not_found") from error
        folder = await self._find(agent) or await self._make(agent)
        if folder not in attached:
            with suppress(AlreadyThere):
                await read_answer(self._of_agents.attach(folder, agent_id=agent))
        return folder

    async def _make(self, agent: AgentId) -> str:
        """Make the folder. Letta has one of a name: of two makers at once, one is refused."""
        call = self._folders.create(
            name=_folder_of(agent),
            description="Files of the person you are for.",
            extra_body=self._choices,
        )
        try:
            return str(read_object(await read_answer(call)).get("id"))
        except AlreadyThere:
            folder = await self._find(agent)
            if folder is None:
                raise
            return folder

    async def _list(self, folder: str) -> list[Json]:
        found: list[Json] = []
        for _ in range(_MOST_PAGES):
            behind = {"after": str(found[-1].get("id"))} if found else {}
            call = self._files.list(folder, order="asc", limit=_PAGE, extra_query=behind)
            page = read_objects(await read_answer(call))
            found += page
            if len(page) < _PAGE:
                break
        return found


def _folder_of(agent: AgentId) -> str:
    return f"files of {agent}"


def _to_file(file: Json) -> KnownFile:
    size = file.get("file_size")
    return KnownFile(
        name=str(file.get("original_file_name") or file.get("file_name")),
        size_bytes=size if isinstance(size, int) else 0,
        ingestion=_DONE.get(str(file.get("processing_status")), Ingestion.READING),
        why=_why(str(file.get("error_message") or "")),
    )


def _why(told: str) -> str:
    """Return what Letta says of a file; where 0.16.8 shows a statement of SQL, a sentence."""
    return _NOT_STORED if _INNARDS in told else told
