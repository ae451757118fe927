"""Every open page by conversation, and what a page that opens now has to be told."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar

from adapters.web.pages import Draft, Frame, Page
from gateway.domain.conversations import Conversation
from gateway.domain.ids import ConversationId, DeliveryId

REMEMBERED = 1_000
"""Messages, and answers with their drafts, that are kept in mind; the oldest are forgotten."""

_Kept = TypeVar("_Kept")


class OpenPages:
    """Brings what happens in a conversation to those, and only those, who look at it."""

    def __init__(self) -> None:
        self.is_closed = False
        """Whether the door serves no more: nobody is to wait here for what comes."""
        self._pages: dict[ConversationId, set[Page]] = {}
        self._by_visitor: Counter[str] = Counter()
        self._waiting: dict[ConversationId, set[asyncio.Event]] = {}
        self._drafts: OrderedDict[DeliveryId, tuple[ConversationId, dict[bool, Draft]]] = (
            OrderedDict()
        )
        self._ended: OrderedDict[DeliveryId, int] = OrderedDict()
        """With the revision that was shown."""
        self._said: OrderedDict[tuple[ConversationId, str], None] = OrderedDict()
        self._told: dict[ConversationId, int] = {}
        self._typing: Counter[ConversationId] = Counter()

    @property
    def count(self) -> int:
        """How many pages are open."""
        return sum(len(pages) for pages in self._pages.values())

    def count_of(self, conversation: ConversationId) -> int:
        """How many pages show this conversation."""
        return len(self._pages.get(conversation, ()))

    def count_by(self, visitor: str) -> int:
        """How many pages a user has open, whatever they show."""
        return self._by_visitor[visitor]

    @contextmanager
    def opened(
        self, conversation: ConversationId, *, wants_html: bool
    ) -> Generator[Page, None, None]:
        """Queue the conversation's frames for a new page while the context is open."""
        page, visitor = Page(wants_html=wants_html), Conversation.parse(conversation).channel
        self._pages.setdefault(conversation, set()).add(page)
        self._by_visitor[visitor] += 1
        for delivery, (place, drafts) in self._drafts.items():
            if place == conversation:
                page.put_draft(delivery, drafts[wants_html])
        try:
            yield page
        finally:
            _discard(self._pages, conversation, page)
            self._by_visitor[visitor] -= 1
            if not self._by_visitor[visitor]:
                del self._by_visitor[visitor]
            if conversation not in self._pages:
                self._told.pop(conversation, None)

    @property
    def conversations(self) -> list[ConversationId]:
        """What the pages show."""
        return list(self._pages)

    @property
    def told(self) -> dict[ConversationId, int]:
        """Up to where in its history the pages of a conversation know what was said."""
        return dict(self._told)

    def begin(self, conversation: ConversationId, cursor: int) -> None:
        """Note what a page knows that has opened. Where there were others, they may know less."""
        if conversation in self._pages:
            self._told.setdefault(conversation, cursor)

    def tell(self, conversation: ConversationId, cursor: int) -> None:
        """Note that all pages of a conversation know what was said up to here."""
        if conversation in self._pages:
            self._told[conversation] = max(cursor, self._told.get(conversation, 0))

    @contextmanager
    def watched(self, conversation: ConversationId) -> Generator[asyncio.Event, None, None]:
        """Give an event that is set whenever an answer or a turn of the conversation ends."""
        event = asyncio.Event()
        self._waiting.setdefault(conversation, set()).add(event)
        try:
            yield event
        finally:
            _discard(self._waiting, conversation, event)

    def publish(self, conversation: ConversationId, frame: Frame) -> None:
        """Bring a frame to every page of the conversation."""
        for page in self._pages.get(conversation, ()):
            page.put(frame)

    def say(self, conversation: ConversationId, message: str, frame: Frame) -> None:
        """Bring what a person said to every page of the conversation, once."""
        if (conversation, message) in self._said:
            return
        self._said[conversation, message] = None
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        self.publish(conversation, frame)

    def has_ended(self, delivery: DeliveryId, revision: int) -> bool:
        """Whether pages were shown this end of an answer, or a later one."""
        return self._ended.get(delivery, 0) >= revision

    def end(
        self,
        conversation: ConversationId,
        delivery: DeliveryId,
        frame: Frame | None,
        revision: int = 1,
    ) -> None:
        """Show how an answer ended, once; drafts of it that come later are ignored.

        Without a frame, pages hear nothing: they read it from history.
        """
        if self.has_ended(delivery, revision):
            return
        self._drafts.pop(delivery, None)
        self._ended[delivery] = revision
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        for page in self._pages.get(conversation, ()):
            page.drop_draft(delivery)
            if frame is not None:
                page.put(frame)
        self._wake(conversation)

    def draft(
        self, conversation: ConversationId, delivery: DeliveryId, html: Draft, plain: Draft
    ) -> None:
        """Show how far an answer has come, unless it has ended."""
        if delivery in self._ended:
            return
        drafts = {True: html, False: plain}
        self._drafts[delivery] = (conversation, drafts)
        if len(self._drafts) > REMEMBERED:
            self._drafts.popitem(last=False)
        for page in self._pages.get(conversation, ()):
            page.put_draft(delivery, drafts[page.wants_html])

    def has_draft(self, delivery: DeliveryId) -> bool:
        """Whether some text of this answer was shown already."""
        return delivery in self._drafts

    def is_typing(self, conversation: ConversationId) -> bool:
        """Whether the agent is at work there."""
        return self._typing[conversation] > 0

    @contextmanager
    def typing(
        self, conversation: ConversationId, on: Frame, off: Frame
    ) -> Generator[None, None, None]:
        """Show that the agent is at work until the last of these contexts is closed."""
        self._typing[conversation] += 1
        if self._typing[conversation] == 1:
            self.publish(conversation, on)
        try:
            yield
        finally:
            self._typing[conversation] -= 1
            if not self._typing[conversation]:
                del self._typing[conversation]
                self.publish(conversation, off)
            self._wake(conversation)

    def open(self) -> None:
        """Let people wait here again."""
        self.is_closed = False

    def close(self) -> None:
        """Send every page away, to reconnect when the door serves again, and whoever waits."""
        self.is_closed = True
        for pages in self._pages.values():
            for page in pages:
                page.close()
        for conversation in self._waiting:
            self._wake(conversation)

    def _wake(self, conversation: ConversationId) -> None:
        for event in self._waiting.get(conversation, ()):
            event.set()


def _discard(
    places: dict[ConversationId, set[_Kept]], conversation: ConversationId, one: _Kept
) -> None:
    rest = places.get(conversation, set())
    rest.discard(one)
    if not rest:
        places.pop(conversation, None)
