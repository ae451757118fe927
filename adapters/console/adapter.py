"""The terminal as a platform: what is typed goes to the inbox, and answers to the screen."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from adapters.console import outbound
from adapters.console.inbound import conversation_of, parse_line
from adapters.console.terminal import Terminal
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, Delivery
from gateway.domain.ids import PlatformMessageId
from gateway.domain.messages import HistoryEntry, InboundMessage
from gateway.domain.overheard import Stretch
from gateway.domain.people import Identity
from gateway.errors import BadInput, RetryLater
from gateway.ports import Accept, Clock, Health, HistoryStore, Streaming

LOOK_SECONDS = 1.0
"""How often a pipe looks for its answer when nothing was heard."""


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Who sits at the terminal, and how much of the past they see at the start."""

    os_user: str
    identity: Identity | None = None
    """Somebody whom another door knows already; None for the account of the machine alone."""
    role: str | None = None
    """The agent that the lines are for; None for the default one."""
    agent_name: str = "Postern"
    """What stands above its answers."""
    history_lines: int = 6
    answer_seconds: float = 900.0
    """How long a pipe waits for the answer to one line."""


class ConsoleAdapter:
    """One conversation with the person at this terminal.

    The screen begins with the last lines of history, so an answer that the
    store has is never shown twice, and one that it had not sent is not lost.
    """

    def __init__(
        self, clock: Clock, history: HistoryStore, terminal: Terminal, options: ConsoleOptions
    ) -> None:
        self._clock = clock
        self._history = history
        self._terminal = terminal
        self._options = options
        self._conversation = conversation_of(options.os_user)
        self._shown: dict[str, str] = {}
        self._is_open = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def platform(self) -> str:
        """The first part of its conversation ids."""
        return "console"

    @property
    def streaming(self) -> Streaming | None:
        """A person watches an answer grow; a pipe gets it whole."""
        if not self._terminal.is_interactive:
            return None
        return Streaming(interval_seconds=0.08, hold_seconds=0.1)

    async def run(self, accept: Accept) -> None:
        """Bring every line to `accept`; returns when the input ends.

        A pipe waits for the answer to each line before it reads the next.
        """
        await self._open()
        try:
            async for line in self._terminal.lines():
                message = await self._accept(line, accept)
                if message is None:
                    self._terminal.prompt()
                elif not self._terminal.is_interactive:
                    await self._wait_for_answer(message)
        finally:
            self._terminal.clear_growing()

    def split(self, text: str) -> list[str]:
        """Return the text whole: a terminal has no limit. Pure."""
        return [text]

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Show it, once the screen is open; a second text of an answer is labelled."""
        await self._is_open.wait()
        if delivery.is_draft and delivery.text:
            await self.show_draft(delivery, delivery.text)
        else:
            self._show(delivery)
        return PlatformMessageId(delivery.id)

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Say whether this screen shows it, from history or as an answer."""
        await self._is_open.wait()
        return PlatformMessageId(delivery.id) if delivery.id in self._shown else None

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Show how far the answer has come, at the end of the screen."""
        if delivery.id not in self._shown:
            self._terminal.grow(outbound.answer(self._options.agent_name, text))

    async def overheard(self, stretch: Stretch) -> None:
        """Tell nothing: nobody talks to anybody else here."""

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show that the agent is at work, for as long as the context is open."""
        return self._typing()

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return None: the one who sits here has written already."""
        return None

    def health(self) -> Health:
        """Say whether the screen is open."""
        if self._is_open.is_set():
            return Health(is_ready=True, sentence="The terminal is open.")
        return Health(is_ready=False, sentence="The terminal is opening.")

    async def _open(self) -> None:
        lines = self._options.history_lines
        for entry in await self._history.history(self._conversation.id, None, lines):
            self._shown[entry.id] = entry.text
            self._terminal.show(self._past(entry))
        self._terminal.show(outbound.note("Write a line and press Enter. Ctrl-D leaves."))
        self._terminal.prompt()
        self._is_open.set()

    def _past(self, entry: HistoryEntry) -> outbound.RenderableType:
        if entry.author == "user":
            return outbound.question(entry.text)
        text = outbound.with_presses(entry.text, _presses(entry.buttons))
        return outbound.answer(self._options.agent_name, text)

    async def _accept(self, line: str, accept: Accept) -> InboundMessage | None:
        try:
            message = self._parse(line)
            if message is not None:
                await accept(message)
        except BadInput as error:
            self._terminal.warn(str(error))
            return None
        except RetryLater as error:
            self._terminal.warn(f"{error} The line was not stored: write it again.")
            return None
        return message

    def _parse(self, line: str) -> InboundMessage | None:
        return parse_line(
            line,
            os_user=self._options.os_user,
            identity=self._options.identity,
            role=self._options.role,
            event_id=str(uuid.uuid4()),
            now=self._clock.now(),
        )

    async def _wait_for_answer(self, message: InboundMessage) -> None:
        """Return when the answer is on the screen, or is too late."""
        try:
            async with asyncio.timeout(self._options.answer_seconds):
                while not await self._is_answered(message):
                    await _set_or(self._changed, LOOK_SECONDS)
        except TimeoutError:
            self._terminal.warn("No answer yet. It is shown when you come back.")

    async def _is_answered(self, message: InboundMessage) -> bool:
        self._changed.clear()
        answer = await self._history.answer(message)
        return answer is not None and all(entry.id in self._shown for entry in answer)

    def _show(self, delivery: Delivery) -> None:
        before = self._shown.get(delivery.id)
        if before == delivery.text:
            return
        self._terminal.clear_growing()
        if before is not None:
            self._terminal.show(outbound.note(_label(delivery)))
        if delivery.text:
            text = outbound.with_presses(delivery.text, _presses(delivery.buttons))
            self._terminal.answer(self._options.agent_name, text)
        if delivery.text or before is not None:
            self._shown[delivery.id] = delivery.text
        self._changed.set()
        self._terminal.prompt()

    @asynccontextmanager
    async def _typing(self) -> AsyncGenerator[None]:
        self._terminal.grow(outbound.note(f"{self._options.agent_name} is at work…"))
        try:
            yield
        finally:
            self._terminal.clear_growing()
            self._changed.set()


def _label(delivery: Delivery) -> str:
    return "The answer above has changed:" if delivery.text else "The answer above is taken back."


async def _set_or(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _presses(buttons: tuple[Button, ...]) -> list[tuple[str, str]]:
    return [(button.label, button.says) for button in buttons]
