"""Archival memory as REST sees it."""

import sqlite3
from contextlib import suppress
from datetime import UTC, datetime

from agents.embedded.errors import NotFound
from agents.embedded.ids import new_id
from agents.embedded.records import Archive, Passage
from agents.embedded.services.agents import need_agent
from agents.embedded.steps.recall import Recall
from agents.embedded.store import passages
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page


class ArchivalService:
    """An agent's long-term entries. Unknown ids raise NotFound."""

    def __init__(self, database: Database, recall: Recall) -> None:
        self._database = database
        self._recall = recall

    async def create(self, agent_id: str, text: str, tags: tuple[str, ...]) -> Passage:
        """Add an entry."""
        moment = datetime.now(UTC).isoformat()
        passage = Passage(new_id("passage"), agent_id, text, moment, tags)

        def insert(db: sqlite3.Connection) -> None:
            need_agent(db, agent_id)
            passages.insert(db, passage)

        await self._database.write(insert)
        return passage

    async def list_page(self, agent_id: str, page: Page, text: str | None) -> list[Passage]:
        """A page of entries; none of an agent that is not there, as Letta has it."""

        return await self._database.read(lambda db: passages.list_page(db, agent_id, page, text))

    async def search(
        self, agent_id: str, query: str, limit: int, tags: frozenset[str]
    ) -> list[Passage]:
        """The best entries, of those that have one of the tags if any are given."""
        await self._database.read(lambda db: need_agent(db, agent_id))
        found = await self._recall.passages(agent_id, query, limit)
        return [passage for passage in found.items if not tags or tags & set(passage.tags)]

    async def delete(self, agent_id: str, passage_id: str) -> None:
        """Remove an entry."""
        if not await self._database.write(lambda db: passages.delete(db, agent_id, passage_id)):
            raise NotFound(f"Passage with ID {passage_id} not found")

    async def archive_of(self, agent_id: str) -> Archive | None:
        """Where the agent's entries are kept; None while it has none."""

        def read(db: sqlite3.Connection) -> Archive | None:
            agent = need_agent(db, agent_id)
            oldest = passages.list_page(db, agent_id, Page(limit=1, ascending=True))
            if not oldest:
                return None
            id_ = agent_id.replace("agent-", "archive-", 1)
            return Archive(id_, agent, f"{agent.name}'s Archive", oldest[0].created_at)

        return await self._database.read(read)

    async def archive(self, archive_id: str) -> Archive:
        """An archive: its id is its agent's, with another beginning."""
        with suppress(NotFound):
            if found := await self.archive_of(archive_id.replace("archive-", "agent-", 1)):
                return found
        raise NotFound(f"Archive with ID {archive_id} not found")

    async def delete_archive(self, archive_id: str) -> None:
        """Remove all entries of the agent whose archive it is."""
        agent = (await self.archive(archive_id)).agent
        await self._database.write(lambda db: passages.delete_all(db, agent.id))
