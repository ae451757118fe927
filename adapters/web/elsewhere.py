"""Hears what other processes let people read, for the pages that are open in this one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from adapters.web.open_pages import OpenPages
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import ConversationId, DeliveryId
from gateway.errors import StoreUnavailable
from gateway.ports import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often to look without a signal."""
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Said:
    """What a person wrote, perhaps on a page of another process."""

    conversation: ConversationId
    id: str
    text: str
    at: datetime


class Elsewhere:
    """Follows what open pages show in a store that several processes share.

    It reads of these conversations alone, whatever else goes on. It yields what people
    said and final texts, each in the order in which they were stored, this process's own
    among them: whoever shows them leaves out what was shown. Nobody's drafts.
    """

    def __init__(self, store: Store, pages: OpenPages) -> None:
        self._store = store
        self._pages = pages
        self._cursor: int | None = None

    async def news(self) -> AsyncIterator[Said | Delivery]:
        """Yield what is new, for ever."""
        while True:
            self._store.delivery_stored.clear()
            try:
                for each in await self._read():
                    yield each
            except StoreUnavailable as error:
                log.warning("web_pages_not_followed", extra={"error": str(error)})
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._store.delivery_stored.wait()
            except TimeoutError:
                continue

    async def _read(self) -> list[Said | Delivery]:
        newest = await self._store.history.newest_entry()
        # A page that opens from here on reads history itself, and later than this.
        if self._cursor is None or not self._pages.count:
            self._cursor = newest
        if self._cursor >= newest:
            return []
        said = await self._said()
        posted = await self._posted(self._cursor)
        self._cursor = newest
        return [*said, *posted]

    async def _said(self) -> list[Said]:
        said: list[Said] = []
        while cursors := self._pages.told:
            heard = await self._store.history.heard_since(cursors, _PAGE)
            for conversation, entry in heard:
                self._pages.tell(conversation, entry.cursor)
                said.append(Said(conversation, entry.id, entry.text, entry.at))
            if len(heard) < _PAGE:
                break
        return said

    async def _posted(self, after: int) -> list[Delivery]:
        found: dict[DeliveryId, None] = {}
        while conversations := self._pages.conversations:
            entries = await self._store.history.posted_since(conversations, after, _PAGE)
            found.update((DeliveryId(entry.ref), None) for entry in entries)
            if len(entries) < _PAGE:
                break
            after = entries[-1].sequence
        read = [await self._store.deliveries.get(each) for each in found]
        return [each for each in read if each is not None and not each.is_draft]
