"""What Letta's agents keep to be looked up: listed, searched, and added to."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from contextlib import suppress
from datetime import UTC, datetime

from letta_client import AsyncLetta

from agents.letta.api import Answer, read_answer, read_object, read_objects
from agents.letta.faults import Json, NotThere, agent_exists
from agents.letta.host import id_of
from agents.letta.memory_api import LettaMemoryApi
from gateway.domain.ids import AgentId
from gateway.domain.memory import Passage

_LOOKED_FOR = 100
"""Characters of a text by which entries like it are found."""
_LOOKED_AT = 50
"""Entries that begin alike, the newest, among which the same one is looked for."""


class LettaArchive:
    """Implements `AgentArchive`. Letta itself needs an embedding model for it."""

    def __init__(self, client: AsyncLetta) -> None:
        """Take an open client (see `make_client`); it stays the caller's to close."""
        self._api = LettaMemoryApi(client)
        self._passages = client.agents.passages.with_raw_response

    async def passages(self, agent: AgentId, limit: int, after: str | None = None) -> list[Passage]:
        """Return the oldest entries behind the one with this id, oldest first."""
        behind = {} if after is None else {"after": after}
        call = self._passages.list(agent, limit=limit, ascending=True, extra_query=behind)
        return await self._surely(agent, call)

    async def newest(self, agent: AgentId, limit: int) -> list[Passage]:
        """Return the newest entries, newest first."""
        call = self._passages.list(agent, limit=limit, ascending=False)
        return await self._surely(agent, call)

    async def search(self, agent: AgentId, words: str, limit: int) -> list[Passage]:
        """Return the entries that belong to the words, best first, as the server finds them."""
        call = self._passages.search(agent, query=words, top_k=limit)
        with agent_exists():
            found = read_object(await read_answer(call))
        return _read(read_objects(found.get("results")))

    async def add(self, agent: AgentId, text: str) -> bool:
        """Add an entry; False when the newest ones have one of just this text.

        Letta's database keeps no NUL.
        """
        text = text.replace("\x00", "")
        alike = self._passages.list(
            agent, limit=_LOOKED_AT, ascending=False, search=_looked_for(text)
        )
        with agent_exists():
            known = _read(read_objects(await read_answer(alike)))
            if any(passage.text == text for passage in known):
                return False
            await read_answer(self._passages.create(agent, text=text))
        return True

    async def remove_all(self, agent: AgentId) -> None:
        """Delete all entries; to be done again after a failure.

        Letta keeps them in archives, which outlive the agent and have its name in theirs
        (seen on 0.16.8). An archive that another agent has too stays.
        """
        with suppress(NotThere):
            for archive in map(id_of, await self._api.archives(agent)):
                with suppress(NotThere):
                    await self._remove(archive, agent)

    async def _remove(self, archive: str, agent: AgentId) -> None:
        owners = {str(each.get("id")) for each in await self._api.agents_with_archive(archive)}
        if owners <= {agent}:
            await self._api.delete_archive(archive)

    async def _surely(self, agent: AgentId, call: Awaitable[Answer]) -> list[Passage]:
        """Return what is listed; Letta 0.16.8 lists nothing of an agent that is not there."""
        with agent_exists():
            found = read_objects(await read_answer(call))
            if not found:
                await self._api.agent(agent)
        return _read(found)


def _looked_for(text: str) -> str:
    """Return the part by which entries like the text are found.

    Letta 0.16.8 takes it as a pattern of SQL, where only backslashes keep it from itself.
    """
    return max(text.split("\\"), key=len)[:_LOOKED_FOR]


def _read(found: Iterable[Json]) -> list[Passage]:
    """Return the entries; a search calls text and moment otherwise than a list does."""
    return [
        Passage(
            str(each.get("id")),
            str(each.get("text") or each.get("content") or ""),
            _moment(each.get("created_at") or each.get("timestamp")),
        )
        for each in found
    ]


def _moment(told: object) -> datetime | None:
    """Return the moment; None for one that is written as only people read it."""
    try:
        moment = datetime.fromisoformat(str(told))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
