"""What Letta's agents keep to be looked up: listed, searched, and added to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from letta_client import AsyncLetta

from agents.letta.api import read_answer, read_object, read_objects
from agents.letta.faults import Json
from agents.letta.memory import agent_exists
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
        self._passages = client.agents.passages.with_raw_response

    async def passages(self, agent: AgentId, limit: int, after: str | None = None) -> list[Passage]:
        """Return the oldest entries behind the one with this id, oldest first."""
        behind = {} if after is None else {"after": after}
        call = self._passages.list(agent, limit=limit, ascending=True, extra_query=behind)
        with agent_exists():
            return _read(read_objects(await read_answer(call)))

    async def newest(self, agent: AgentId, limit: int) -> list[Passage]:
        """Return the newest entries, newest first."""
        call = self._passages.list(agent, limit=limit, ascending=False)
        with agent_exists():
            return _read(read_objects(await read_answer(call)))

    async def search(self, agent: AgentId, words: str, limit: int) -> list[Passage]:
        """Return the entries that belong to the words, best first, as the server finds them."""
        call = self._passages.search(agent, query=words, top_k=limit)
        with agent_exists():
            found = read_object(await read_answer(call))
        return _read(read_objects(found.get("results")))

    async def add(self, agent: AgentId, text: str) -> bool:
        """Add an entry; False when the newest ones have one of just this text."""
        alike = self._passages.list(
            agent, limit=_LOOKED_AT, ascending=False, search=text[:_LOOKED_FOR]
        )
        with agent_exists():
            known = _read(read_objects(await read_answer(alike)))
            if any(passage.text == text for passage in known):
                return False
            await read_answer(self._passages.create(agent, text=text))
        return True


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
