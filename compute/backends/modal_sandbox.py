"""Runs foreign code in a Modal Sandbox: no network, no secrets, gone when the run is over.

Written against modal 1.6's client. The mapping and the runner are tested here; a real
Sandbox was never started by the tests, which have no account.
"""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Any, Final

from compute.harness import ENTRY, order_of, program_of, read_answer
from gateway.domain.compute import Job, Outcome, RunLimits
from gateway.errors import RetryLater

if TYPE_CHECKING:
    from modal import App, Image

PRINTED_CHARACTERS: Final = 65_536
_START_SECONDS: Final = 60
"""On top of the run's own time, for the Sandbox to come up."""

RUNNER: Final = f"""
import contextlib, io, json, sys
order = json.load(sys.stdin)
space = {{"__name__": "tool"}}
printed = io.StringIO()
with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
    exec(compile(order["program"], "<tool>", "exec"), space)
    answer = space["{ENTRY}"](order["order"])
text = printed.getvalue()[: {PRINTED_CHARACTERS}]
sys.__stdout__.write(json.dumps({{"answer": answer, "printed": text}}))
"""


class ModalBackend:
    """The ComputeBackend on Modal. Nothing is asked of Modal before the first run."""

    def __init__(self, app: str) -> None:
        self._name = app
        self._app: App | None = None

    async def run(self, job: Job) -> Outcome:
        """Run it to its end; see the port."""
        import modal
        from modal.exception import Error as ModalError

        try:
            app = await self._opened()
            options = sandbox_options(job.limits)
            create: Any = modal.Sandbox.create  # some of its parameters carry no types
            sandbox = await create.aio(app=app, image=_image(), **options)
        except ModalError as error:
            raise RetryLater(f"Modal started no Sandbox: {type(error).__name__}.") from error
        try:
            return await self._inside(sandbox, job)
        except (ModalError, TimeoutError) as error:
            return Outcome(False, f"It was stopped: {type(error).__name__}.")
        finally:
            await sandbox.terminate.aio()

    async def _opened(self) -> App:
        import modal

        if self._app is None:
            self._app = await modal.App.lookup.aio(self._name, create_if_missing=True)
        return self._app

    async def _inside(self, sandbox: Any, job: Job) -> Outcome:  # modal's classes carry no types
        seconds = math.ceil(job.limits.seconds)
        async with asyncio.timeout(seconds + _START_SECONDS):
            process = await sandbox.exec.aio("python", "-I", "-c", RUNNER, timeout=seconds)
            process.stdin.write(input_of(job))
            process.stdin.write_eof()
            await process.stdin.drain.aio()
            said = await _capped(process.stdout, most_characters(job.limits))
            code = 0 if said is None else await process.wait.aio()
        return read_run(said, code, job.limits)


def sandbox_options(limits: RunLimits) -> dict[str, Any]:
    """Return how a Sandbox is closed and bounded: MiB and whole seconds. Any: create's kinds."""
    memory = math.ceil(limits.memory_bytes / 2**20)
    return {
        "timeout": math.ceil(limits.seconds) + _START_SECONDS,
        "cpu": (0.25, 1.0),
        "memory": (min(memory, 128), memory),
        "block_network": True,
    }


def input_of(job: Job) -> str:
    """Return what the runner reads."""
    return json.dumps({"program": program_of(job), "order": order_of(job)})


def most_characters(limits: RunLimits) -> int:
    """Return how much the runner may say; JSON in JSON in JSON takes its room."""
    return 8 * limits.answer_characters + 6 * PRINTED_CHARACTERS + 1_000


def read_run(said: str | None, code: int, limits: RunLimits) -> Outcome:
    """Return what came of it; `said` is None where it said more than it may."""
    if said is None:
        return Outcome(False, "It was stopped: its answer has no end.")
    if code != 0:
        why = f"it was still running after {limits.seconds:g} seconds, or used too much memory"
        return Outcome(False, f"It was stopped: {why} (exit code {code}).")
    try:
        told = json.loads(said)
        answer, printed = told["answer"], told["printed"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Outcome(False, "The code left no readable answer.")
    return read_answer(str(answer), str(printed), limits)


async def _capped(stream: Any, most: int) -> str | None:  # modal's classes carry no types
    said: list[str] = []
    size = 0
    async for part in stream:
        size += len(part)
        if size > most:
            return None
        said.append(part)
    return "".join(said)


def _image() -> Image:
    import modal

    return modal.Image.debian_slim(python_version="3.11")
