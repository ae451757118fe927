"""Hears what other processes let people read, for the pages that are open in this one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from adapters.web.open_pages import OpenPages
from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import ConversationId, DeliveryId
from gateway.errors import StoreUnavailable
from gateway.ports import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often to look without a signal."""
_PAGE = 500
_NEWS = {AuditKind.DELIVERY_STORED, AuditKind.DELIVERY_REVISED, AuditKind.DELIVERY_SETTLED}


class Elsewhere:
    """Follows the log of a store that several processes share, while pages are open.

    It yields final texts in the order in which they were stored, this process's own
    among them: whoever shows them leaves out what was shown. Nobody's drafts.
    """

    def __init__(self, store: Store, pages: OpenPages) -> None:
        self._store = store
        self._pages = pages
        self._cursor: int | None = None

    async def news(self) -> AsyncIterator[Delivery]:
        """Yield what is new, for ever."""
        while True:
            self._store.delivery_stored.clear()
            try:
                for delivery in await self._read():
                    yield delivery
            except StoreUnavailable as error:
                log.warning("web_pages_not_followed", extra={"error": str(error)})
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._store.delivery_stored.wait()
            except TimeoutError:
                continue

    async def _read(self) -> list[Delivery]:
        newest = await self._store.history.newest_entry()
        # A page that opens from here on reads history itself, and later than this.
        if self._cursor is None or not self._pages.count:
            self._cursor = newest
        found: dict[DeliveryId, None] = {}
        while self._cursor < newest:
            entries = await self._store.history.audit(self._cursor, _PAGE)
            for entry in entries:
                if entry.kind in _NEWS and self._pages.count_of(ConversationId(entry.subject)):
                    found[DeliveryId(entry.ref)] = None
            self._cursor = entries[-1].sequence if entries else newest
        read = [await self._store.deliveries.get(each) for each in found]
        return [each for each in read if each is not None and not each.is_draft]
