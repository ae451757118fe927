"""Lines in and renderables out, of a person's terminal or of a pipe. Knows no messages."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.segment import Segment

from adapters.console import outbound

PROMPT = "[bold cyan]› [/]"


class Terminal:
    """A screen with one growing place at its end, or a pipe that gets whole answers."""

    def __init__(self, console: Console | None = None, stdin: int | None = None) -> None:
        self._console = console or Console()
        self._stdin = sys.stdin.fileno() if stdin is None else stdin
        self._live: Live | None = None
        self._is_prompted = False
        self.is_interactive = self._console.is_terminal and os.isatty(self._stdin)
        """Whether a person sits at both ends: then answers grow, and lines have a prompt."""

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines that are typed, until the end of input.

        A thread of its own reads them: a terminal made non-blocking would lose
        output, and a file can not be polled. It is left behind when the program
        ends, as nothing can wake a read; so it holds no lock that the end needs.
        """
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        arguments = (self._stdin, queue, loop)
        threading.Thread(target=_read_lines, args=arguments, daemon=True).start()
        while (line := await queue.get()) is not None:
            self._is_prompted = False
            yield line

    def prompt(self) -> None:
        """Ask for a line."""
        if self.is_interactive and self._live is None and not self._is_prompted:
            self._console.print(PROMPT, end="")
            self._is_prompted = True

    def answer(self, name: str, markdown: str) -> None:
        """Show a whole answer, in the place where it grew."""
        self.clear_growing()
        if self.is_interactive:
            self._leave_prompt()
            self._console.print(outbound.answer(name, markdown))
        else:
            self._console.print(
                outbound.plain_answer(markdown), markup=False, highlight=False, soft_wrap=True
            )

    def show(self, renderable: RenderableType) -> None:
        """Show something to the person; a pipe does not get it."""
        if self.is_interactive:
            self.clear_growing()
            self._leave_prompt()
            self._console.print(renderable)

    def warn(self, sentence: str) -> None:
        """Say that something did not work; a pipe gets it on the error stream."""
        if self.is_interactive:
            self.show(outbound.note(sentence))
        else:
            sys.stderr.write(f"{outbound.harmless(sentence)}\n")

    def grow(self, renderable: RenderableType) -> None:
        """Show at the end of the screen what will be replaced soon."""
        if not self.is_interactive:
            return
        if self._live is None:
            self._leave_prompt()
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(_Tail(renderable), refresh=True)

    def clear_growing(self) -> None:
        """Take away what was growing."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _leave_prompt(self) -> None:
        """Begin a line of its own, without hiding what is typed already."""
        if self._is_prompted:
            self._console.print()
            self._is_prompted = False


class _Tail:
    """The last lines of something that may be higher than the screen."""

    def __init__(self, whole: RenderableType) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render all of it, and yield what has room."""
        lines = console.render_lines(self._whole, options, pad=False)
        for line in lines[-max(1, options.size.height - 2) :]:
            yield from line
            yield Segment.line()


def _read_lines(
    descriptor: int, queue: asyncio.Queue[str | None], loop: asyncio.AbstractEventLoop
) -> None:
    rest = b""
    try:
        while chunk := _read(descriptor):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(queue.put_nowait, line.decode(errors="replace"))
        if rest:
            loop.call_soon_threadsafe(queue.put_nowait, rest.decode(errors="replace"))
        loop.call_soon_threadsafe(queue.put_nowait, None)
    except RuntimeError:
        return  # the loop is closed: nobody reads any more


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:
        return b""  # the terminal is gone
