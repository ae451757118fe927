"""Conversations: threads of one agent, and what was said in them."""

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from agents.embedded.errors import NotFound
from agents.embedded.ids import new_id
from agents.embedded.records import Conversation, Json, Message
from agents.embedded.services.agents import need_agent
from agents.embedded.services.runs import RunService
from agents.embedded.store import conversations, messages, summaries
from agents.embedded.store.conversations import ConversationFilter
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page


@dataclass(frozen=True, slots=True)
class ConversationChange:
    """What is to be different; None leaves a thing as it is."""

    summary: str | None = None
    archived: bool | None = None
    settings: Json | None = None


class ConversationService:
    """Everything REST may do to a conversation. Unknown ids raise NotFound."""

    def __init__(self, database: Database, runs: RunService) -> None:
        self._database = database
        self._runs = runs

    async def create(self, agent_id: str, summary: str | None, settings: Json) -> Conversation:
        """Begin a thread."""
        moment = _now()
        conversation = Conversation(
            new_id("conv"), agent_id, moment, moment, summary, settings=settings
        )

        def create(db: sqlite3.Connection) -> None:
            need_agent(db, agent_id)
            conversations.insert(db, conversation)

        await self._database.write(create)
        return conversation

    async def get(self, conversation_id: str) -> Conversation:
        """One conversation."""
        return await self._database.read(lambda db: _need(db, conversation_id))

    async def list_page(self, wanted: ConversationFilter, page: Page) -> list[Conversation]:
        """A page of conversations; default threads are not shown."""
        return await self._database.read(lambda db: conversations.list_page(db, wanted, page))

    async def update(self, conversation_id: str, change: ConversationChange) -> Conversation:
        """Change a conversation."""

        def update(db: sqlite3.Connection) -> Conversation:
            old = _need(db, conversation_id)
            changed = replace(
                old,
                summary=old.summary if change.summary is None else change.summary,
                archived=old.archived if change.archived is None else change.archived,
                settings={**old.settings, **(change.settings or {})},
                updated_at=_now(),
            )
            conversations.update(db, changed)
            return changed

        return await self._database.write(update)

    async def delete(self, conversation_id: str) -> None:
        """Stop what runs in a conversation and remove it."""
        active = await self._runs.active_in(conversation_id)
        await self._runs.cancel(active)
        if not await self._database.write(lambda db: conversations.delete(db, conversation_id)):
            raise NotFound(f"Conversation with ID {conversation_id} not found")

    async def messages(
        self, conversation_id: str, page: Page, *, with_errors: bool = False
    ) -> list[Message]:
        """A page of what was said."""

        def read(db: sqlite3.Connection) -> list[Message]:
            _need(db, conversation_id)
            return messages.list_page(db, conversation_id, page, with_errors=with_errors)

        return await self._database.read(read)

    async def clear(self, conversation_id: str) -> None:
        """Forget everything said in a conversation."""
        await self._runs.cancel(await self._runs.active_in(conversation_id))

        def clear(db: sqlite3.Connection) -> None:
            _need(db, conversation_id)
            messages.delete_all(db, conversation_id)
            summaries.delete_all(db, conversation_id)
            conversations.set_pending(db, conversation_id, None)

        await self._database.write(clear)


def _need(db: sqlite3.Connection, conversation_id: str) -> Conversation:
    conversation = conversations.get(db, conversation_id)
    if conversation is None:
        raise NotFound(f"Conversation with ID {conversation_id} not found")
    return conversation


def _now() -> str:
    return datetime.now(UTC).isoformat()
