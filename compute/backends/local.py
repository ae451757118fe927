"""Runs foreign code in a process of its own on this machine. The process is handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from compute.harness import ENTRY, order_of, program_of, read_answer
from gateway.domain.compute import Job, Outcome, RunLimits


class Called(Protocol):
    """What came of a call."""

    @property
    def status(self) -> str:
        """`success`, or `error` where the process was stopped."""
        ...

    @property
    def text(self) -> str:
        """The answer, or a sentence."""
        ...

    @property
    def stdout(self) -> str:
        """What it printed, within the limit."""
        ...

    @property
    def stderr(self) -> str:
        """What it printed there."""
        ...


class Sandboxed(Protocol):
    """A limited process for each call: no inherited environment, a folder of its own."""

    async def call(self, source: str, function: str, arguments: dict[str, object]) -> Called:
        """Call the function that this source defines; cancelling kills the process."""
        ...


class LocalBackend:
    """The ComputeBackend of one machine: strong limits, but not another machine's walls."""

    def __init__(self, sandbox: Callable[[RunLimits], Sandboxed]) -> None:
        self._sandbox = sandbox

    async def run(self, job: Job) -> Outcome:
        """Run it to its end; see the port."""
        sandbox = self._sandbox(job.limits)
        called = await sandbox.call(program_of(job), ENTRY, {"order": order_of(job)})
        if called.status != "success":
            stopped = called.text.replace("The tool", "It").replace(ENTRY, "it")
            return Outcome(False, stopped, called.stdout)
        return read_answer(called.text, called.stdout + called.stderr, job.limits)
