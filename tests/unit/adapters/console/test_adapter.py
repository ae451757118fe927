"""A talk through the terminal, over a real store: by a person at a tty and through a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pty
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console

from adapters.console.adapter import ConsoleAdapter, ConsoleOptions
from adapters.console.terminal import Terminal
from gateway.clock import SystemClock
from gateway.domain.deliveries import NewDelivery, Sent
from gateway.domain.ids import DeliveryId, WorkerId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Route
from gateway.domain.turns import Turn, TurnOutcome, TurnState
from gateway.errors import StoreUnavailable
from storage.memory import MemoryStore
from tests.fakes.patience import PATIENCE_SECONDS

WORKER = WorkerId("local")
LEASE = timedelta(minutes=5)


class Screen(io.StringIO):
    """Remembers what was shown, and lets a test wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._written = asyncio.Event()

    def write(self, text: str) -> int:
        self._written.set()
        return super().write(text)

    async def shows(self, text: str) -> None:
        """Wait until the text stands on the screen."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while text not in self.getvalue():
                self._written.clear()
                await self._written.wait()


@dataclass
class Talk:
    """A terminal with somebody at it, and the hub behind it."""

    store: MemoryStore
    adapter: ConsoleAdapter
    screen: Screen
    keyboard: int
    is_down: bool = False

    def types(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    async def accept(self, message: InboundMessage) -> None:
        if self.is_down:
            raise StoreUnavailable("The database is away.")
        await self.store.turns.accept(message, Route("postern"), message.sent_at)

    async def next_turn(self) -> Turn:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                self.store.turn_ready.clear()
                now = SystemClock().now()
                if turns := (await self.store.turns.claim(WORKER, 1, LEASE, now)).turns:
                    return turns[0]
                await self.store.turn_ready.wait()

    async def answers(self, *texts: str) -> Turn:
        """Claim the next turn, and show these answers."""
        turn = await self.next_turn()
        await self.finish(turn, *texts)
        await self.deliver()
        return turn

    async def finish(self, turn: Turn, *texts: str) -> None:
        deliveries = tuple(
            NewDelivery(DeliveryId(f"{turn.ref.id}.{i}"), turn.conversation, text, turn.ref.id, i)
            for i, text in enumerate(texts)
        )
        outcome = TurnOutcome(TurnState.DONE, deliveries)
        await self.store.turns.finish(turn.ref, outcome, SystemClock().now())

    async def deliver(self) -> None:
        now = SystemClock().now()
        while claim := (
            await self.store.deliveries.claim(WORKER, ["console"], 1, LEASE, now)
        ).deliveries:
            receipt = await self.adapter.send(claim[0])
            await self.store.deliveries.settle(claim[0], Sent(receipt), now)


@contextlib.asynccontextmanager
async def _talk(
    store: MemoryStore | None = None, *, is_tty: bool = False
) -> AsyncGenerator[tuple[Talk, asyncio.Task[None]]]:
    keyboard, stdin = pty.openpty() if is_tty else os.pipe()[::-1]
    screen, store = Screen(), store or MemoryStore()
    console = Console(file=screen, width=80, force_terminal=is_tty, color_system=None)
    adapter = ConsoleAdapter(
        SystemClock(), store.history, Terminal(console, stdin), ConsoleOptions("ada")
    )
    talk = Talk(store, adapter, screen, keyboard)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(adapter.run(talk.accept))
        yield talk, running
        running.cancel()
    with contextlib.suppress(OSError):
        os.close(keyboard)


async def test_a_pipe_gets_the_answers_and_nothing_else() -> None:
    async with _talk() as (talk, running):
        talk.types("one\ntwo\n")
        os.close(talk.keyboard)
        await talk.answers("**to one**", "and more")
        await talk.answers("to two")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await running

    assert talk.screen.getvalue() == "**to one**\nand more\nto two\n"


async def test_a_last_line_without_its_end_is_a_line() -> None:
    async with _talk() as (talk, running):
        talk.types("no newline")
        os.close(talk.keyboard)
        turn = await talk.answers("fine")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await running

    assert turn.messages[0].text == "no newline"


async def test_a_person_is_prompted_and_sees_the_answer_rendered() -> None:
    async with _talk(is_tty=True) as (talk, _):
        await talk.screen.shows("› ")
        talk.types("hi\n")
        turn = await talk.next_turn()
        async with talk.adapter.show_typing(turn.conversation):
            await talk.screen.shows("Postern is at work…")
        await talk.finish(turn, "**hello** there")
        await talk.deliver()

        await talk.screen.shows("hello there")
        assert "**" not in talk.screen.getvalue()


async def test_an_answer_grows_before_it_is_whole() -> None:
    async with _talk(is_tty=True) as (talk, _):
        talk.types("hi\n")
        turn = await talk.next_turn()
        draft = NewDelivery(
            DeliveryId(f"{turn.ref.id}.0"), turn.conversation, "Hel", turn.ref.id, 0, is_draft=True
        )
        await talk.store.turns.open_draft(turn.ref, draft, SystemClock().now())
        await talk.deliver()
        await talk.screen.shows("Hel")
        await talk.finish(turn, "Hello")
        await talk.deliver()

        await talk.screen.shows("Hello")


async def test_of_an_answer_higher_than_the_screen_the_end_is_seen() -> None:
    screen = Screen()
    console = Console(file=screen, width=80, height=10, force_terminal=True, color_system=None)
    keyboard, stdin = pty.openpty()
    terminal = Terminal(console, stdin)

    terminal.grow("\n".join(f"line {number}." for number in range(100)))

    assert "line 99." in screen.getvalue()
    assert "line 50." not in screen.getvalue()
    terminal.clear_growing()
    os.close(keyboard)


async def test_ctrl_d_leaves_at_once() -> None:
    async with _talk(is_tty=True) as (talk, running):
        await talk.screen.shows("› ")
        talk.types("\x04")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await running


async def test_the_screen_begins_with_the_last_lines() -> None:
    async with _talk() as (first, _):
        first.types("remember me\n")
        await first.answers("I do")
    async with _talk(first.store, is_tty=True) as (talk, _):
        await talk.screen.shows("I do")
        await talk.screen.shows("remember me")


async def test_an_answer_that_history_shows_is_not_shown_twice() -> None:
    async with _talk() as (first, _):
        first.types("hi\n")
        turn = await first.next_turn()
    await first.finish(turn, "the answer")
    async with _talk(first.store, is_tty=True) as (talk, _):
        await talk.screen.shows("the answer")
        await talk.deliver()
        delivery = await talk.store.deliveries.get(f"{turn.ref.id}.0")

        assert delivery is not None
        assert talk.screen.getvalue().count("the answer") == 1
        assert await talk.adapter.find(delivery) == delivery.receipt == delivery.id


async def test_what_was_not_stored_is_said() -> None:
    async with _talk(is_tty=True) as (talk, _):
        talk.is_down = True
        talk.types("hi\n")
        await talk.screen.shows("The database is away. The line was not stored: write it again.")
        talk.is_down = False
        talk.types("hi\n")

        await talk.answers("hello")
        await talk.screen.shows("hello")
