"""A platform that remembers what people saw, and fails where it is told to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace

from gateway.domain.artifacts import Attachment
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, Delivery
from gateway.domain.ids import ConversationId, PlatformMessageId
from gateway.domain.overheard import Overheard, Stretch
from gateway.domain.people import Identity
from gateway.errors import DeliveryRefused, OutcomeUnknown
from gateway.ports import Accept, Health, Streaming

PART_LIMIT = 2_000
"""Characters that one message may have here."""


@dataclass(slots=True)
class Shown:
    """A message as people see it, with all the texts that it ever had."""

    receipt: PlatformMessageId
    conversation: ConversationId
    nonce: str
    texts: list[str]
    buttons: tuple[Button, ...] = ()
    files: tuple[Attachment, ...] = ()

    @property
    def text(self) -> str:
        """What it says now."""
        return self.texts[-1]


@dataclass(slots=True)
class Faults:
    """What goes wrong next; each failure is used up by one call."""

    before: list[Exception] = field(default_factory=list[Exception])
    """Raised instead of carrying the call out."""
    after: list[Exception] = field(default_factory=list[Exception])
    """Raised once the call has been carried out: its answer was lost."""


class FakePlatform:
    """The people's side of a platform. It outlives gateways, as the real ones do."""

    def __init__(self) -> None:
        self.messages: list[Shown] = []
        self.faults = Faults()
        self.typing: defaultdict[ConversationId, int] = defaultdict(int)
        self.gone: set[str] = set()
        """Conversations that are not there any more."""
        self.direct: dict[Identity, Conversation] = {}
        """Where people can be written to who have not written themselves."""
        self.changed = asyncio.Event()
        self.talk: list[tuple[int, ConversationId, Overheard]] | None = []
        """What people said to each other, by its position; None while it can not be told."""
        self.asked_for: list[Stretch] = []
        """Every stretch of it that was asked for."""

    def visible(self, conversation: str) -> list[str]:
        """Return what stands in the conversation now, oldest first."""
        return [m.text for m in self.messages if m.conversation == conversation and m.text]

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until it is so; looked at after every change."""
        while not is_so():
            self.changed.clear()
            await self.changed.wait()

    async def until_visible(self, conversation: str, count: int) -> list[str]:
        """Wait until the conversation shows `count` messages; return them."""
        await self.until(lambda: len(self.visible(conversation)) >= count)
        return self.visible(conversation)

    def carry_out(self, delivery: Delivery) -> PlatformMessageId:
        """Post or edit, refusing what a platform refuses."""
        if len(delivery.text) > PART_LIMIT:
            raise DeliveryRefused(f"{len(delivery.text)} characters are too many.")
        if delivery.conversation.id in self.gone:
            raise DeliveryRefused("There is no such channel.")
        self.changed.set()
        if delivery.receipt is None:
            receipt = PlatformMessageId(f"m{len(self.messages) + 1}")
            place, texts = delivery.conversation.id, [delivery.text]
            buttons, files = delivery.buttons, delivery.files
            self.messages.append(Shown(receipt, place, delivery.nonce, texts, buttons, files))
            return receipt
        shown = next(m for m in self.messages if m.receipt == delivery.receipt)
        shown.texts.append(delivery.text)
        shown.buttons = delivery.buttons
        return shown.receipt

    def by_nonce(self, nonce: str) -> PlatformMessageId | None:
        """Find a post by the key that its sender gave it."""
        return next((m.receipt for m in self.messages if m.nonce == nonce), None)


class FakeAdapter:
    """An adapter for the fake platform, as plain as the port allows."""

    def __init__(
        self,
        platform: FakePlatform,
        *,
        streaming: Streaming | None = None,
        can_find: bool = True,
        name: str = "fake",
    ) -> None:
        self._platform = platform
        self._streaming = streaming
        self._can_find = can_find
        self._name = name

    @property
    def platform(self) -> str:
        """Its conversations begin with this."""
        return self._name

    @property
    def streaming(self) -> Streaming | None:
        """As it was made."""
        return self._streaming

    async def run(self, accept: Accept) -> None:
        """Bring nothing: tests hand messages to the inbox themselves."""
        await asyncio.get_running_loop().create_future()

    def split(self, text: str) -> list[str]:
        """Cut at the limit."""
        return [text[i : i + PART_LIMIT] for i in range(0, len(text), PART_LIMIT)]

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Carry it out, with the faults that were ordered."""
        await asyncio.sleep(0.01)
        if self._platform.faults.before:
            raise self._platform.faults.before.pop(0)
        receipt = self._platform.carry_out(delivery)
        if self._platform.faults.after:
            raise self._platform.faults.after.pop(0)
        return receipt

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Ask the platform, where it can be asked."""
        await asyncio.sleep(0.01)
        if not self._can_find:
            raise OutcomeUnknown("This platform never tells.")
        return self._platform.by_nonce(delivery.nonce)

    async def overheard(self, stretch: Stretch) -> Sequence[Overheard] | None:
        """Return what was said there, where the platform tells."""
        self._platform.asked_for.append(stretch)
        if self._platform.talk is None:
            return None
        after, before = int(stretch.after or 0), int(stretch.before)
        found = [
            said
            for position, place, said in self._platform.talk
            if place == stretch.place.id and after < position < before
        ]
        return found[-stretch.most :]

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Edit the draft."""
        await asyncio.sleep(0.01)
        self._platform.carry_out(replace(delivery, text=text))

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Count who is typing where."""
        return self._typing(conversation)

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return what tests have opened for them."""
        return self._platform.direct.get(identity)

    def health(self) -> Health:
        """Be well."""
        return Health(is_ready=True, sentence="connected")

    @asynccontextmanager
    async def _typing(self, conversation: Conversation) -> AsyncGenerator[None]:
        self._platform.typing[conversation.id] += 1
        try:
            yield
        finally:
            self._platform.typing[conversation.id] -= 1
