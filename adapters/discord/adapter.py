"""Discord as a platform: connections for what comes in, a sender for what goes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from adapters.discord.askers import Askers
from adapters.discord.client import aim
from adapters.discord.connection import Connection, ContentRefused
from adapters.discord.earlier import Earlier
from adapters.discord.options import DiscordOptions
from adapters.discord.outbound import channel_of, new_splitter, split_text
from adapters.discord.pace import Pace
from adapters.discord.rest import Rest
from adapters.discord.sender import Sender
from adapters.discord.typing_signs import TypingSigns
from gateway.domain.commands import CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import PlatformMessageId
from gateway.domain.messages import InboundMessage
from gateway.domain.overheard import Overheard, Stretch
from gateway.domain.people import Identity
from gateway.errors import RetryLater, SettingsWrong, StoreUnavailable
from gateway.ports import Accept, Clock, Health, Streaming

log = logging.getLogger(__name__)

_LONGEST_WAIT_SECONDS = 60.0
_STABLE_SECONDS = 60.0
"""A connection that held this long was a good one: the next wait is short again."""


class DiscordAdapter:
    """Implements `Adapter`. A channel's next event is looked at when the one before is stored."""

    def __init__(self, options: DiscordOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self._rest = Rest(Pace(options.requests_per_second), options.request_timeout_seconds)
        self._askers = Askers()
        self._sender = Sender(self._rest, clock, options, self._askers)
        self._signs = TypingSigns(self._rest, options.typing_after_seconds)
        self._earlier = Earlier(self._rest, options)
        self._splitter = new_splitter()
        self._accept: Accept | None = None
        self._wants_content = options.wants_content
        self._connection: Connection | None = None

    @property
    def platform(self) -> str:
        """The first part of its conversation ids."""
        return "discord"

    @property
    def streaming(self) -> Streaming:
        """Answers grow by edits, at most one in 1.2 s in a channel."""
        options = self.options
        return Streaming(options.stream_interval_seconds, options.stream_hold_seconds)

    @property
    def commands(self) -> dict[str, CommandSpec]:
        """The commands that people can give, by name."""
        return {command.name: command for command in self.options.commands}

    async def run(self, accept: Accept) -> None:
        """Bring every event to `accept` until cancelled, and connect anew as needed.

        Raises SettingsWrong when only the operator can help.
        """
        aim(self.options.api_url)
        self._accept = accept
        try:
            async with asyncio.TaskGroup() as group:
                signs = group.create_task(self._signs.run())
                wrong = await self._stay_connected(self._take_in)
                signs.cancel()
        finally:
            self._accept = None
        raise wrong

    async def receive(self, message: InboundMessage) -> None:
        """Store a message.

        Raises StoreUnavailable, also while the gateway starts or stops, and BadInput.
        """
        if self._accept is None:
            raise StoreUnavailable("Postern is starting or stopping. Try again in a moment.")
        await self._accept(message)

    def split(self, text: str) -> list[str]:
        """Cut into messages of 2,000 characters; what is over `max_parts` is the last's. Pure."""
        return split_text(self._splitter, text, self.options.max_parts)

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Post, edit or take back; raises as the port says."""
        return await self._sender.send(delivery)

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Look for an earlier try: by its nonce while Discord remembers it, then in history."""
        return await self._sender.find(delivery)

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Edit a draft, if there is room for it now."""
        await self._sender.show_draft(delivery, text)

    async def overheard(self, stretch: Stretch) -> Sequence[Overheard] | None:
        """Return what people said there, oldest first; None where it can not be told now."""
        return await self._earlier.overheard(stretch)

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show "is typing" while the context is open, unless it is short."""
        return self._typing(conversation)

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return the DM with somebody; Discord opens one with whoever there is."""
        return await self._sender.direct_with(identity)

    def health(self) -> Health:
        """Say how the connection is."""
        if self._connection is None:
            return Health(is_ready=False, sentence="Discord is being connected.")
        return self._connection.health()

    async def _take_in(self, message: InboundMessage) -> None:
        self._askers.note(message)
        await self.receive(message)

    async def _stay_connected(self, accept: Accept) -> SettingsWrong:
        """Connect again and again; return what only the operator can put right."""
        loop, wait = asyncio.get_running_loop(), self.options.retry_seconds
        while True:
            begun = loop.time()
            self._connection = self._new_connection()
            try:
                await self._connection.run(accept)
            except SettingsWrong as error:
                return error
            except ContentRefused:
                log.warning("discord_without_content")
                self._wants_content = False
                continue
            except RetryLater as error:
                wait = max(wait, error.retry_after_seconds or 0.0)
                log.warning("discord_disconnected", extra={"error": str(error)})
            except Exception:  # the loop's edge: a client that broke is replaced by a new one
                log.exception("discord_client_bug")
            await asyncio.sleep(wait)
            was_stable = loop.time() - begun > _STABLE_SECONDS
            first = self.options.retry_seconds
            wait = first if was_stable else min(_LONGEST_WAIT_SECONDS, wait * 2)

    def _new_connection(self) -> Connection:
        return Connection(self.options, self._rest, self.clock, wants_content=self._wants_content)

    @asynccontextmanager
    async def _typing(self, conversation: Conversation) -> AsyncGenerator[None]:
        with self._signs.shown(channel_of(conversation)):
            yield
