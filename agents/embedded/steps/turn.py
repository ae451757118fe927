"""One turn that is running: its run, its stream, and how it is told to stop."""

import asyncio
import time

from agents.embedded.records import Run
from agents.embedded.steps.stream import RunStream


class ActiveTurn:
    """A run in progress; only its own task changes `run`."""

    def __init__(self, run: Run, stream: RunStream) -> None:
        self.run = run
        self.stream = stream
        self.is_cancelled = False
        self.ended = asyncio.Event()
        self._thinking: asyncio.Task[object] | None = None
        self._started_ns = time.monotonic_ns()

    @property
    def elapsed_ns(self) -> int:
        """Since this process took the turn up."""
        return time.monotonic_ns() - self._started_ns

    def begin_thinking(self) -> None:
        """From here until `end_thinking` the turn may be interrupted at any await."""
        self._thinking = asyncio.current_task()

    def end_thinking(self) -> None:
        """What follows is not interrupted: it stores."""
        self._thinking = None

    def cancel(self) -> None:
        """Ask the turn to end: at once while the model speaks, else after the step's commit."""
        self.is_cancelled = True
        if self._thinking is not None:
            self._thinking.cancel()
            self._thinking = None

    def uncancel(self) -> None:
        """The interruption was the turn's own cancel, and has been heard."""
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
