"""Platforms that remember what people saw, and the adapters through which workers reach them.

Three kinds, as real ones differ: one that refuses a nonce twice (Discord), one whose
history lags behind (Slack), and one that can never tell what became of a post.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, Delivery
from gateway.domain.ids import PlatformMessageId
from gateway.domain.messages import InboundMessage
from gateway.domain.overheard import Stretch
from gateway.domain.people import Identity
from gateway.errors import OutcomeUnknown, RetryLater
from gateway.outbox import MAY_BE_A_REPEAT
from gateway.ports import Accept, Health, Streaming

PART_LIMIT = 120
"""Characters of one message."""
LAG_SECONDS = 2.0
"""A post is in the lagging history after this."""
LATE_SECONDS = 2.0
"""A post that its sender gave up on appears within this."""
PLACEHOLDER = "…"


class Kind(StrEnum):
    """How a platform can be asked what became of a post."""

    NONCE = "nonce"
    LAGGING = "lagging"
    MUTE = "mute"


@dataclass(slots=True)
class Post:
    """A message as people see it, with all the texts that it ever had."""

    receipt: PlatformMessageId
    conversation: Conversation
    nonce: str
    texts: list[str]
    posted_at: float
    buttons: tuple[Button, ...] = ()
    """Those that it had at first."""
    is_gone: bool = False

    @property
    def text(self) -> str:
        """What it says now."""
        return self.texts[-1]

    @property
    def is_labelled(self) -> bool:
        """Whether it says, or said before it was edited, that it may be a repeat."""
        return any(text.endswith(MAY_BE_A_REPEAT) for text in self.texts)


class SimPlatform:
    """The people's side of a platform; it outlives every worker."""

    def __init__(self, kind: Kind, saw: Callable[[Post], None]) -> None:
        self.kind = kind
        self.posts: list[Post] = []
        self.doors: dict[str, Accept] = {}
        """Where events can be brought, by worker."""
        self._saw = saw

    def visible(self, conversation: Conversation) -> list[Post]:
        """Return what stands there now, oldest first."""
        return [p for p in self.posts if p.conversation == conversation and not p.is_gone]

    def with_nonce(self, nonce: str) -> list[Post]:
        """Return all that people see of one delivery."""
        return [post for post in self.posts if post.nonce == nonce and not post.is_gone]

    def find(self, nonce: str, *, shown_before: float) -> Post | None:
        """Look a post up, as far as history goes."""
        found = (p for p in self.posts if p.nonce == nonce and p.posted_at <= shown_before)
        return next(found, None)

    def post(self, delivery: Delivery) -> PlatformMessageId:
        """Show it; a known nonce shows nothing again where the platform looks at it."""
        now = asyncio.get_running_loop().time()
        known = self.find(delivery.nonce, shown_before=now)
        if known is not None and self.kind is Kind.NONCE:
            return known.receipt
        receipt = PlatformMessageId(f"{self.kind}-{len(self.posts) + 1}")
        texts = [delivery.text]
        place = delivery.conversation
        post = Post(receipt, place, delivery.nonce, texts, now, delivery.buttons)
        self.posts.append(post)
        self._saw(post)
        return receipt

    def change(self, receipt: PlatformMessageId, text: str) -> None:
        """Edit a message, or take it back where the text is empty."""
        post = next(post for post in self.posts if post.receipt == receipt)
        if text:
            post.texts.append(text)
        else:
            post.is_gone = True


class SimAdapter:
    """A worker's way to a platform. What fails at the call's edges is not decided here."""

    def __init__(
        self,
        world: SimPlatform,
        worker: str,
        dice: Random,
        *,
        lands_late: Callable[[], bool],
        note: Callable[[str, str], None],
        streaming: Streaming | None,
    ) -> None:
        self._note = note
        self._world = world
        self._worker = worker
        self._dice = dice
        self._lands_late = lands_late
        self._streaming = streaming
        self._looked_at: dict[str, float] = {}

    @property
    def platform(self) -> str:
        """The kind is the name."""
        return str(self._world.kind)

    @property
    def streaming(self) -> Streaming | None:
        """As it was made."""
        return self._streaming

    async def run(self, accept: Accept) -> None:
        """Take events in, each in a task of its own, as webhooks come."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:

            async def bring(message: InboundMessage, answered: asyncio.Future[None]) -> None:
                try:
                    await accept(message)
                except RetryLater as error:
                    if not answered.done():
                        answered.set_exception(error)
                else:
                    if not answered.done():
                        answered.set_result(None)

            async def door(message: InboundMessage) -> None:
                answered: asyncio.Future[None] = loop.create_future()
                group.create_task(bring(message, answered))
                await answered

            self._world.doors[self._worker] = door
            try:
                await loop.create_future()
            finally:
                self._world.doors.pop(self._worker, None)

    def split(self, text: str) -> list[str]:
        """Cut between words."""
        parts: list[str] = []
        while len(text) > PART_LIMIT:
            cut = text.rfind(" ", 1, PART_LIMIT) + 1 or PART_LIMIT
            parts.append(text[:cut].rstrip() or text[:cut])
            text = text[cut:]
        return [*parts, text] if text.strip() else parts

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Post, edit or take back."""
        what = f"{delivery.id} r{delivery.revision} {delivery.state} {delivery.receipt}"
        self._note(self._worker, f"  sends {what}: {delivery.text[:20]!r}")
        if delivery.receipt is not None:
            self._world.change(delivery.receipt, delivery.text)
            return delivery.receipt
        if self._lands_late():
            seconds = self._dice.uniform(0.0, LATE_SECONDS)
            asyncio.get_running_loop().call_later(seconds, self._world.post, delivery)
            raise OutcomeUnknown("The platform did not answer in time.")
        return self._world.post(delivery)

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Ask, the way each kind can be asked."""
        self._note(self._worker, f"  looks for {delivery.id} r{delivery.revision}")
        now = asyncio.get_running_loop().time()
        match self._world.kind:
            case Kind.MUTE:
                raise OutcomeUnknown("This platform never tells.")
            case Kind.NONCE:
                # Posting again under the same nonce shows nothing twice, and tells where it is.
                return self._world.post(replace(delivery, text=delivery.text or PLACEHOLDER))
            case Kind.LAGGING:
                found = self._world.find(delivery.nonce, shown_before=now - LAG_SECONDS)
                if found is None:
                    self._wait_for_history(delivery, now)
                return found and found.receipt

    def _wait_for_history(self, delivery: Delivery, now: float) -> None:
        looked_at = self._looked_at.setdefault(delivery.id, now)
        rest = looked_at + LATE_SECONDS + LAG_SECONDS - now
        if rest > 0:
            raise RetryLater("The history lags behind.", retry_after_seconds=rest + 0.1)
        del self._looked_at[delivery.id]

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Let a draft grow."""
        self._note(self._worker, f"  shows a draft of {delivery.id}")
        if delivery.receipt is not None:
            self._world.change(delivery.receipt, text)

    async def overheard(self, stretch: Stretch) -> None:
        """Tell nothing: nobody talks to anybody else here."""

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show nothing."""
        return _nothing()

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Know nobody."""
        return None

    def health(self) -> Health:
        """Be well."""
        return Health(is_ready=True, sentence="connected")


@asynccontextmanager
async def _nothing() -> AsyncGenerator[None]:
    yield
