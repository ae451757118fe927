"""Runs a stored tool in a process of its own and brings back what it answered.

The tool's code is never imported here. Its process has an empty environment, its own folder,
little memory and time, and is killed with all its children when its time is over.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from agents.embedded.records import Json
from agents.embedded.sandbox.limits import Limits

_CHILD: Final = Path(__file__).with_name("child.py")
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call."""

    status: Literal["success", "error"]
    text: str
    stdout: str = ""
    stderr: str = ""


class Sandbox:
    """Calls tools, a few at a time. Whatever a tool does, the answer is an Outcome."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._turnstile = asyncio.Semaphore(_AT_ONCE)

    async def call(self, source: str, function: str, arguments: Json) -> Outcome:
        """Call the function that this source defines; cancelling kills the process."""
        order = {
            "source": source,
            "function": function,
            "arguments": arguments,
            "limits": asdict(self._limits),
        }
        async with self._turnstile:
            folder = Path(tempfile.mkdtemp(prefix="tool-"))
            try:
                return await self._run(folder, json.dumps(order).encode())
            finally:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _run(self, folder: Path, order: bytes) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-B",
            str(_CHILD),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            heard = await self._hear(process, order)
        finally:
            _kill_group(process.pid)
            await _let_go(process)
        return self._outcome(folder, process.returncode or 0, heard)

    async def _hear(self, process: asyncio.subprocess.Process, order: bytes) -> "Heard":
        stdout, stderr = bytearray(), bytearray()
        pipes = ((process.stdout, stdout), (process.stderr, stderr))
        stopped = ""
        try:
            async with asyncio.timeout(self._limits.wall_seconds), asyncio.TaskGroup() as tasks:
                for pipe, kept in pipes:
                    if pipe is not None:
                        tasks.create_task(_keep(pipe, kept, self._limits.printed_bytes))
                tasks.create_task(_give(process, order))
                tasks.create_task(process.wait())
        except TimeoutError:
            stopped = f"it was still running after {self._limits.wall_seconds:g} seconds"
        except ExceptionGroup as group:
            if group.subgroup(PrintedTooMuch) is None:
                raise
            stopped = f"it printed more than {self._limits.printed_bytes} bytes"
        return Heard(stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"), stopped)

    def _outcome(self, folder: Path, code: int, heard: "Heard") -> Outcome:
        result = {} if heard.stopped else _read_result(folder)
        if not result:
            why = heard.stopped or _why_ended(code, self._limits)
            return Outcome("error", f"The tool was stopped: {why}.", heard.stdout, heard.stderr)
        text = str(result.get("value", ""))
        most = self._limits.answer_characters
        if len(text) > most:
            text = f"{text[:most]}… [{len(text) - most} characters left out]"
        stderr = heard.stderr + str(result.get("trace", ""))
        status = "success" if result.get("status") == "success" else "error"
        return Outcome(status, text, heard.stdout, stderr)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a process printed, and why it was stopped if it was."""

    stdout: str
    stderr: str
    stopped: str


class PrintedTooMuch(Exception):
    """The tool prints without end."""


async def _keep(pipe: asyncio.StreamReader, kept: bytearray, limit: int) -> None:
    while data := await pipe.read(65_536):
        kept += data[: limit - len(kept)]
        if len(data) > limit or len(kept) >= limit:
            raise PrintedTooMuch


async def _let_go(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a killed process; its pipes close only once they are read to the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(2):
            for pipe in (process.stdout, process.stderr):
                while pipe is not None and await pipe.read(65_536):
                    pass
    await process.wait()


async def _give(process: asyncio.subprocess.Process, order: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(ConnectionError):
        process.stdin.write(order)
        await process.stdin.drain()
        process.stdin.close()


def _environment(folder: Path) -> dict[str, str]:
    home = str(folder)
    return {"PATH": "/usr/bin:/bin", "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"}


def _kill_group(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _read_result(folder: Path) -> dict[str, Any]:
    """Any: what the tool's process left there, which need not be what we asked for."""
    try:
        with (folder / "result.json").open("rb") as file:
            value: object = json.loads(file.read(16 * 1024 * 1024))
    except (OSError, ValueError):
        return {}
    return dict(value) if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any JSON


def _why_ended(code: int, limits: Limits) -> str:
    match -code:
        case signal.SIGXCPU:
            return f"it used more than {limits.cpu_seconds} seconds of CPU"
        case signal.SIGKILL:
            return f"it used more than {limits.cpu_seconds} seconds of CPU, or too much memory"
        case signal.SIGALRM:
            return f"it was still running after {limits.wall_seconds:g} seconds"
        case _:
            return f"its process ended with code {code} and no answer"
