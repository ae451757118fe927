"""One turn that is running: its run, its stream, and how it is told to stop."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Final

from agents.embedded.errors import ModelError
from agents.embedded.records import AssistantSaid, Run
from agents.embedded.steps.context import StepContext
from agents.embedded.steps.stream import RunStream

_MOST_SQUEEZES: Final = 6


class ActiveTurn:
    """A run in progress; only its own task changes `run`."""

    def __init__(self, run: Run, stream: RunStream, foreseen: StepContext | None = None) -> None:
        self.run = run
        self.stream = stream
        self.foreseen = foreseen
        """What the next step depends on, as it was stored right behind the last one."""
        self.is_cancelled = False
        self.ended = asyncio.Event()
        self.squeezed = 0
        """How often the window was halved, since the endpoint refused what was in it."""
        self._thinking: asyncio.Task[object] | None = None
        self._started_ns = time.monotonic_ns()

    @property
    def elapsed_ns(self) -> int:
        """Since this process took the turn up."""
        return time.monotonic_ns() - self._started_ns

    def take_foreseen(self) -> StepContext | None:
        """Give what was read ahead, once: after a wait it would be out of date."""
        foreseen, self.foreseen = self.foreseen, None
        return foreseen

    async def interruptible(self, work: Coroutine[object, object, object]) -> bool:
        """Do what may be interrupted at any await; False when the turn was cancelled."""
        if self.is_cancelled:
            work.close()
            return False
        self.begin_thinking()
        try:
            await work
        except asyncio.CancelledError:
            if not self.is_cancelled:
                raise
            self.uncancel()
            return False
        finally:
            self.end_thinking()
        return True

    def may_squeeze(self, error: ModelError, said: AssistantSaid) -> bool:
        """Whether to try once more with half the window: the endpoint says it is too full.

        How much a model really holds is known only to its endpoint.
        """
        if said != AssistantSaid() or self.squeezed >= _MOST_SQUEEZES or not error.is_overflow:
            return False
        self.squeezed += 1
        return True

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
