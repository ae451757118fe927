"""The terminal of a Postern that runs elsewhere, over its real web door."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import stat
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio
from rich.console import Console

from adapters.console.remote import RemoteChat, RemoteOptions, load_token
from adapters.console.terminal import Terminal
from adapters.web.sessions import new_token, visitor_of
from gateway.errors import Refused, RetryLater
from tests.platforms.web_hub import Served, WebHub, WebServer
from tests.unit.adapters.console.test_adapter import Screen

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def door(server: WebServer) -> AsyncGenerator[Served]:
    """Serve a web door of its own."""
    async with server.serving(WebHub()) as door:
        yield door


class Seat:
    """Somebody at a terminal that is connected to the door."""

    def __init__(self, url: str, token: str, *, is_tty: bool, role: str = "postern") -> None:
        self.keyboard, stdin = pty.openpty() if is_tty else os.pipe()[::-1]
        self.screen = Screen()
        console = Console(file=self.screen, width=80, force_terminal=is_tty, color_system=None)
        self.chat = RemoteChat(RemoteOptions(url, token, role), Terminal(console, stdin))

    def types(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def leaves(self) -> None:
        os.close(self.keyboard)


@contextlib.asynccontextmanager
async def _seated(url: str, token: str | None = None) -> AsyncGenerator[Seat]:
    seat = Seat(url, token or new_token(), is_tty=True)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(seat.chat.run())
        await seat.screen.shows("› ")
        yield seat
        running.cancel()
    seat.leaves()


async def test_a_pipe_gets_the_answer_to_each_line(door: Served) -> None:
    seat = Seat(door.url, new_token(), is_tty=False)
    seat.types("one\n\ntwo")
    seat.leaves()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(seat.chat.run())
        await door.hub.answer_next("to **one**", "and more")
        await door.hub.answer_next("to two")

    assert seat.screen.getvalue() == "to **one**\nand more\nto two\n"


async def test_a_person_sees_the_answer_grow_and_end(door: Served) -> None:
    async with _seated(door.url) as seat:
        seat.types("hi\n")
        turn = await door.hub.next_turn()
        async with door.hub.adapter.show_typing(turn.conversation):
            await seat.screen.shows("Postern is at work…")
            await door.hub.stream(turn, "**Hel**")
            await seat.screen.shows("Hel")
        await door.hub.finish(turn, "**Hello** you")

        await seat.screen.shows("Hello you")
        assert [message.text for message in door.hub.accepted] == ["hi"]


async def test_no_prompt_stands_between_a_line_and_its_answer(door: Served) -> None:
    async with _seated(door.url) as seat:
        seat.types("hi\n")
        turn = await door.hub.next_turn()
        async with door.hub.adapter.show_typing(turn.conversation):
            await seat.screen.shows("Postern is at work…")

        assert seat.screen.getvalue().count("› ") == 1


async def test_the_screen_begins_with_the_last_lines(door: Served) -> None:
    token = new_token()
    async with _seated(door.url, token) as seat:
        seat.types("remember me\n")
        await door.hub.answer_next("I do")
        await seat.screen.shows("I do")
    async with _seated(door.url, token) as seat:
        await seat.screen.shows("I do")
        assert seat.screen.getvalue().count("remember me") == 1


async def test_after_a_lost_connection_all_is_sent_and_shown_once() -> None:
    hub, server, token = WebHub(), WebServer(), new_token()
    async with contextlib.AsyncExitStack() as stack:
        async with server.running(), server.serving(hub) as door:
            seat = await stack.enter_async_context(_seated(door.url, token))
            seat.types("one\n")
            await hub.answer_next("to one")
            await seat.screen.shows("to one")
        await seat.screen.shows("Connection lost")
        seat.types("two\n")
        async with server.running(), server.serving(hub):
            turn = await hub.answer_next("to two")
            await seat.screen.shows("to two")

    assert [message.text for message in hub.accepted] == ["one", "two"]
    assert turn.conversation == hub.accepted[0].conversation
    assert seat.screen.getvalue().count("to one") == 1


async def test_the_server_s_refusal_is_passed_on(door: Served) -> None:
    seat = Seat(door.url, new_token(), is_tty=False, role="nobody")

    with pytest.raises(Refused, match='There is no agent "nobody" here'):
        await seat.chat.run()
    seat.leaves()


async def test_no_server_is_said_at_once() -> None:
    seat = Seat("http://127.0.0.1:1", new_token(), is_tty=False)

    with pytest.raises(RetryLater, match=r"No Postern answers at http://127\.0\.0\.1:1"):
        await seat.chat.run()
    seat.leaves()


async def test_the_secret_is_drawn_once_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "chat-token"

    token = load_token(path)

    assert load_token(path) == token
    assert visitor_of(token) is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
