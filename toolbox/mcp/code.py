"""Python that an agent wrote, run where no code of ours is."""

from __future__ import annotations

import asyncio

from gateway.domain.compute import Job, RunLimits
from gateway.domain.tools import Effect
from gateway.errors import BadInput
from gateway.ports import ComputeBackend
from toolbox.registry import Tool, tool_from

LONGEST_CODE = 100_000
_SLACK_SECONDS = 90.0
"""On top of the run's own limit, which is what stops it."""


def code_tools(backend: ComputeBackend, limits: RunLimits, at_once: int = 4) -> list[Tool]:
    """Return the tools; each call is a run of its own, without a network, few at a time."""
    room = asyncio.Semaphore(at_once)

    async def run_python(code: str) -> str:
        """Run a Python program and read what it prints. It has no network and no files of yours.

        Args:
            code: The whole program; print what you want to know.
        """
        if len(code) > LONGEST_CODE:
            raise BadInput(f"A program has up to {LONGEST_CODE:,} characters.")
        async with room:
            outcome = await backend.run(Job(code, None, limits=limits))
        if outcome.is_done:
            return outcome.printed or "It ended and printed nothing."
        raise BadInput("\n".join(filter(None, (outcome.printed[-1_500:], outcome.text))))

    timeout = limits.seconds + _SLACK_SECONDS
    return [tool_from(run_python, effect=Effect.IDEMPOTENT, timeout_seconds=timeout)]
