"""Posts that nobody asked for: from scripts and operators, by the same way out as every answer."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace

from gateway.domain.conversations import OPTED_OUT, Conversation, check_ids
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.errors import BadInput
from gateway.ports import Clock, DeliveryStore, Store
from gateway.text.split import split_markdown
from gateway.text.storable import storable

SAFE_LENGTH = 1_900
"""Characters of one post: what every platform shows, whatever it makes of the Markdown."""
LONGEST_POST = 40_000
LONGEST_KEY = 200
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Posted:
    """A post that the store has: it goes out as soon as a gateway runs."""

    id: str
    """The name of the whole; its deliveries are called `<id>.0`, `<id>.1` …"""
    conversation: Conversation
    deliveries: tuple[DeliveryId, ...]
    is_new: bool
    """False when it was posted before under the same key: nothing was added."""


class Posts:
    """Stores posts. With the same key a post goes to a conversation once, however often sent."""

    def __init__(self, deliveries: DeliveryStore, platforms: Collection[str], clock: Clock) -> None:
        self._deliveries = deliveries
        self._platforms = platforms
        self._clock = clock

    async def post(self, readable: str, text: str, key: str | None = None) -> Posted:
        """Store the text for this conversation. Raises BadInput, with a remedy."""
        conversation = self._place(readable)
        _check(text, key)
        name = f"send:{conversation.id}:{key or uuid.uuid4().hex}"
        posts = _parts(name, conversation, text)
        await _check_same(self._deliveries, posts[0], key)
        count = await self._deliveries.enqueue(posts, self._clock.now())
        return Posted(name, conversation, tuple(post.id for post in posts), count > 0)

    def _place(self, readable: str) -> Conversation:
        try:
            conversation = Conversation.parse(readable)
            check_ids(conversation)
        except ValueError as error:
            raise BadInput(str(error)) from None
        if conversation.platform not in self._platforms:
            known = ", ".join(self._platforms)
            raise BadInput(f'"{conversation.platform}" is no platform. There is {known}.')
        return conversation


class Broadcasts:
    """Posts a text to everybody who is alone with an agent somewhere and did not opt out.

    Each place has its own deliveries, which the outbox sends as fast as platforms
    allow. With the same key a broadcast that broke off goes on, and none gets it twice.
    """

    def __init__(self, store: Store, platforms: Collection[str], clock: Clock) -> None:
        self._store = store
        self._platforms = platforms
        self._clock = clock

    async def post(self, text: str, key: str, platform: str | None = None) -> int:
        """Store the text for all of them, or those on one platform; returns how many are new."""
        _check(text, key)
        if platform is not None and platform not in self._platforms:
            raise BadInput(f'"{platform}" is no platform. There is {", ".join(self._platforms)}.')
        wanted = self._platforms if platform is None else (platform,)
        added, last = 0, None
        while page := await self._store.history.conversations(last, _PAGE):
            last = page[-1].id
            homes = {replace(place, thread=None) for place in page if place.is_direct}
            for home in sorted(homes, key=lambda place: place.id):
                if home.platform in wanted and await self._wants(home):
                    added += await self._add(home, text, key)
        return added

    async def _wants(self, home: Conversation) -> bool:
        return await self._store.notes.get(home.id, OPTED_OUT) is None

    async def _add(self, home: Conversation, text: str, key: str) -> bool:
        parts = _parts(f"broadcast:{key}:{home.id}", home, text)
        await _check_same(self._store.deliveries, parts[0], key)
        return await self._store.deliveries.enqueue(parts, self._clock.now()) > 0


def _parts(name: str, conversation: Conversation, text: str) -> list[NewDelivery]:
    parts = split_markdown(storable(text), SAFE_LENGTH, len)
    return [
        NewDelivery(DeliveryId(f"{name}.{index}"), conversation, part)
        for index, part in enumerate(parts)
    ]


async def _check_same(deliveries: DeliveryStore, first: NewDelivery, key: str | None) -> None:
    """Raise BadInput when the key stands for another text; dropped texts match all."""
    known = await deliveries.get(first.id)
    if known is not None and known.text and known.text != first.text:
        raise BadInput(f'The key "{key}" was used for another text; take a new one.')


def _check(text: str, key: str | None) -> None:
    if not text.strip():
        raise BadInput("There is nothing to post: the text is empty.")
    if len(text) > LONGEST_POST:
        raise BadInput(f"The text has {len(text):,} characters; {LONGEST_POST:,} is most.")
    if key is not None and not (key.strip() and key.isprintable() and len(key) <= LONGEST_KEY):
        raise BadInput(f"A key has from 1 to {LONGEST_KEY} printable characters.")
