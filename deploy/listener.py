"""A process that only listens to Discord, under a lease that others can take over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from gateway.bootstrap import (
    LISTENER,
    ListensFor,
    clock_of,
    make_access,
    make_inbox,
    make_listener,
    opened_artifacts,
    opened_store,
)
from gateway.domain.conversations import Conversation
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Sender
from gateway.inbox import Inbox
from gateway.place import Leases, Place, PlaceOptions
from gateway.ports import Clock, Store
from gateway.rights.access import Access
from gateway.rivals import Rivals
from gateway.settings import Settings
from gateway.telemetry import Metrics

log = logging.getLogger(__name__)


class Line(Leases, Protocol):
    """What a listener needs of whoever has the store."""

    async def newest_events(self, platform: str) -> Sequence[tuple[Conversation, str]]:
        """Return where to begin to look for what was missed."""
        ...

    async def admits(self, sender: Sender, place: Conversation) -> bool:
        """Whether somebody may talk."""
        ...

    async def heard_own(self, conversation: Conversation, nonce: str) -> None:
        """Take note of a message of our bot."""
        ...

    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Store what was heard; raises Fenced for a listener that was replaced."""
        ...


@dataclass(frozen=True, slots=True)
class StoreLine:
    """The line of a listener that has opened the shared store itself.

    It needs no fence: what two listeners hear is stored once, by its event id.
    """

    store: Store
    inbox: Inbox
    access: Access
    clock: Clock
    rivals: Rivals

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Take the place or keep it; by the clock of all who share the store."""
        return await self.store.leases.take(place, holder, self.clock.now(), length)

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End the lease."""
        await self.store.leases.let_go(place, lease, self.clock.now())

    async def newest_events(self, platform: str) -> Sequence[tuple[Conversation, str]]:
        """Return the newest stored event of each conversation."""
        return await self.store.history.newest_events(platform)

    async def admits(self, sender: Sender, place: Conversation) -> bool:
        """Ask the store."""
        return await self.access.hears(sender, place)

    async def heard_own(self, conversation: Conversation, nonce: str) -> None:
        """Look for it in the store."""
        await self.rivals.heard_own(conversation, nonce)

    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Store it."""
        await self.inbox.receive(message)


AskTheWorker = Callable[..., Awaitable[Any]]
"""Calls a method of the worker by its name; raises StoreUnavailable when it can not be reached."""


class WorkerLine:
    """The line of a listener to the worker that has the SQLite file."""

    def __init__(self, ask: AskTheWorker) -> None:
        self._ask = ask

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Take the place or keep it."""
        return await self._ask("take", place, holder, now, length)

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """End the lease."""
        await self._ask("let_go", place, lease, now)

    async def newest_events(self, platform: str) -> Sequence[tuple[Conversation, str]]:
        """Return the newest stored event of each conversation."""
        return await self._ask("newest_events", platform)

    async def admits(self, sender: Sender, place: Conversation) -> bool:
        """Ask the store."""
        return await self._ask("admits", sender, place)

    async def heard_own(self, conversation: Conversation, nonce: str) -> None:
        """Have the worker look for it."""
        await self._ask("heard_own", conversation, nonce)

    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Store it."""
        await self._ask("accept", message, fence)


@asynccontextmanager
async def opened_line(settings: Settings) -> AsyncGenerator[StoreLine]:
    """Open the shared store for a listener."""
    async with opened_store(settings) as store:
        clock = clock_of(settings, store)
        inbox = make_inbox(settings, store, clock, Metrics())
        access = make_access(settings, store, clock)
        rivals = Rivals(store.deliveries, store.leases, clock)
        yield StoreLine(store, inbox, access, clock, rivals)


@dataclass(frozen=True, slots=True)
class Turnout:
    """How a listener takes its turn."""

    holder: WorkerId
    seconds: float | None = None
    """It ends by itself after so long; None for a process that may run for ever."""
    waits: bool = False
    """Whether it waits for the place while another one has it, or ends at once."""
    options: PlaceOptions | None = None


async def listen(settings: Settings, line: Line, clock: Clock, turnout: Turnout) -> bool:
    """Hold Discord's connection while the place is ours; True when its time was up.

    Raises SettingsWrong when Discord is off, or never takes the token.
    """
    place = Place(LISTENER, turnout.holder, line, clock, turnout.options)

    async def work() -> None:
        fence = place.lease.fence if place.lease is not None else 0
        async with opened_artifacts(settings, clock) as artifacts:
            known = ListensFor(
                lambda: line.newest_events("discord"), line.admits, artifacts, line.heard_own
            )
            adapter = make_listener(settings, known, clock)
            await adapter.run(lambda message: line.accept(message, fence))

    try:
        async with asyncio.timeout(turnout.seconds):
            await (place.run(work) if turnout.waits else place.run_once(work))
    except TimeoutError:
        log.info("listener_rotates")
        return True
    return False
