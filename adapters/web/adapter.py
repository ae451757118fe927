"""The web as a platform: brings deliveries to open pages, and people's messages to the inbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from adapters.web.elsewhere import Elsewhere
from adapters.web.open_pages import OpenPages
from adapters.web.outbound import (
    draft_of,
    final_frame,
    message_frame,
    split_text,
    typing_frame,
)
from adapters.web.pages import DRAFT_SECONDS, LONG_TEXT, Frame
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import ConversationId, PlatformMessageId
from gateway.domain.messages import InboundMessage
from gateway.domain.overheard import Stretch
from gateway.domain.people import Identity
from gateway.errors import StoreUnavailable
from gateway.ports import Accept, Clock, Health, Store, Streaming


class WebAdapter:
    """Shows each answer to the pages that are open, and leaves the rest to history.

    What pages show is read from the store, so a post can never double: the
    receipt of a delivery is its own id.
    """

    def __init__(self, clock: Clock, shared: Store | None = None) -> None:
        self.clock = clock
        self.pages = OpenPages()
        self._elsewhere = None if shared is None else Elsewhere(shared, self.pages)
        """What other processes show; None where there are no others."""
        self._accept: Accept | None = None

    @property
    def platform(self) -> str:
        """The first part of its conversation ids."""
        return "web"

    @property
    def streaming(self) -> Streaming:
        """Pages show an answer as it grows; one that is there at once needs no draft."""
        return Streaming(interval_seconds=DRAFT_SECONDS, hold_seconds=0.1)

    async def run(self, accept: Accept) -> None:
        """Let messages in until cancelled; then send the open pages away to reconnect."""
        self._accept = accept
        self.pages.open()
        try:
            await self._follow()
        finally:
            self._accept = None
            self.pages.close()

    async def receive(self, message: InboundMessage) -> None:
        """Store the message, then show it on the person's other pages.

        Raises StoreUnavailable, also while the gateway starts or stops, and BadInput.
        """
        if self._accept is None:
            raise StoreUnavailable("Postern is starting or stopping. Try again in a moment.")
        await self._accept(message)
        self._say(message.conversation.id, message.event_id, message.text, message.sent_at)

    def split(self, text: str) -> list[str]:
        """Return the text whole, unless it is over 30,000 characters. Pure."""
        return split_text(text)

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Show it, or take it away, on every page that is open; never fails."""
        if delivery.is_draft and delivery.text:
            if not self.pages.has_draft(delivery.id):
                await self.show_draft(delivery, delivery.text)
        else:
            await self._end(delivery)
        return PlatformMessageId(delivery.id)

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Say that it is there: history shows it, and so does a page that opens now."""
        return PlatformMessageId(delivery.id)

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Show how far the answer has come; each page looks at most every 30 ms."""
        self.pages.draft(delivery.conversation.id, delivery.id, *draft_of(delivery.id, text))

    async def overheard(self, stretch: Stretch) -> None:
        """Tell nothing: nobody talks to anybody else here."""

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show that the agent is at work, for as long as the context is open."""
        return self._typing(conversation)

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return None: a page shows what its person opened it for, and nobody else asks there."""
        return None

    def health(self) -> Health:
        """Say how many pages are open."""
        if self._accept is None:
            return Health(is_ready=False, sentence="The web chat is starting.")
        return Health(is_ready=True, sentence=f"The web chat is open on {self.pages.count} pages.")

    async def _follow(self) -> None:
        if self._elsewhere is None:
            await asyncio.get_running_loop().create_future()
            return
        async for news in self._elsewhere.news():
            if isinstance(news, Delivery):
                await self._end(news)
            else:
                self._say(news.conversation, news.id, news.text, news.at)

    def _say(self, conversation: ConversationId, message: str, text: str, at: datetime) -> None:
        if self.pages.count_of(conversation):
            self.pages.say(conversation, message, message_frame(message, "user", text, at))

    async def _end(self, delivery: Delivery) -> None:
        if not self.pages.has_ended(delivery.id, delivery.revision):
            frame = await self._frame(delivery)
            self.pages.end(delivery.conversation.id, delivery.id, frame, delivery.revision)

    async def _frame(self, delivery: Delivery) -> Frame | None:
        """Render for pages that are open; one that opens meanwhile reads it from history."""
        if not self.pages.count_of(delivery.conversation.id):
            return None
        if len(delivery.text) <= LONG_TEXT:
            return final_frame(delivery)
        return await asyncio.to_thread(final_frame, delivery)

    @asynccontextmanager
    async def _typing(self, conversation: Conversation) -> AsyncGenerator[None]:
        on, off = typing_frame(is_on=True), typing_frame(is_on=False)
        with self.pages.typing(conversation.id, on, off):
            yield
