"""What a platform is to the hub: its events in, its messages out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import PlatformMessageId
from gateway.domain.messages import InboundMessage
from gateway.domain.overheard import Overheard, Stretch
from gateway.domain.people import Identity
from gateway.ports.health import Health

Accept = Callable[[InboundMessage], Awaitable[None]]
"""The inbox. Returns when the message is in the store: acknowledge the platform after it.

Raises StoreUnavailable (let the platform deliver again) or BadInput (tell the person).
"""


WhyNot = Callable[[Conversation], Awaitable[str | None]]
"""Asks a platform why nothing of ours can be posted at a place. Never raises.

None: it can be, or nobody can tell now, as while the platform can't be reached.
"""


@dataclass(frozen=True, slots=True)
class Streaming:
    """The pace at which a platform lets an answer grow."""

    interval_seconds: float
    """At least this long between two drafts of one message."""
    hold_seconds: float = 0.0
    """Text younger than this is not shown as a draft: a quick answer is one post, no edit."""
    shows_private: bool = True
    """Whether what only one person may see can grow too."""


class Adapter(Protocol):
    """One platform: its events in, its messages out."""

    @property
    def platform(self) -> str:
        """The first part of its conversation ids."""
        ...

    @property
    def streaming(self) -> Streaming | None:
        """How people there can watch an answer grow; None when they can not."""
        ...

    async def run(self, accept: Accept) -> None:
        """Bring every event to `accept`, in order, until cancelled; reconnect as needed.

        Returns only where the input itself has ended. Raises SettingsWrong when it
        can never connect as it is configured.
        """
        ...

    def split(self, text: str) -> list[str]:
        """Cut an answer into the texts of its messages, none over the platform's limit. Pure.

        Growing the text leaves every part but the last as it was, so that a
        stream never has to rewrite what it has shown.
        """
        ...

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Post it, edit it (a receipt is known) or take it back (its text is empty).

        Raises RetryLater (surely not shown), OutcomeUnknown (perhaps shown) or
        DeliveryRefused (never will be). Everything else is a bug.
        """
        ...

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Look whether an earlier try of this post is there; None when it surely is not.

        Raises RetryLater when the platform can not be asked now, and
        OutcomeUnknown when it can never tell.
        """
        ...

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Edit a sent draft to show how far the answer has come.

        A hint: best effort, never raises. The outbox paces the calls, makes one
        at a time for a delivery, and none once the final text is being sent.
        """
        ...

    async def overheard(self, stretch: Stretch) -> Sequence[Overheard] | None:
        """Return what people said to each other there, oldest first.

        Only of those who may talk to an agent here, and nothing of apps. None where
        it can not be told, now or ever. Never raises; takes some seconds at most.
        """
        ...

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show that the agent is at work, for as long as the context is open. Never raises."""
        ...

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return where somebody has direct messages with us, opened for that where needed.

        None where they can't be had, and while the platform can't say. Asking again is
        harmless, and nobody sees it. Never raises.
        """
        ...

    def health(self) -> Health:
        """Say how the connection is."""
        ...
