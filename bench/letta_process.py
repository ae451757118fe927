"""`postern letta serve` as a process of its own, and what it costs. Linux only."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.coldstart import ROOT

_KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class LettaProcess:
    """A server that runs."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time that it has used since its start."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / _TICKS

    def resident_mb(self) -> int:
        """Return the memory that it holds now."""
        return resident_mb(self.pid)


def resident_mb(pid: int) -> int:
    """Return the memory that a process holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * _PAGE_BYTES // 1_000_000


@asynccontextmanager
async def letta_process(folder: Path) -> AsyncGenerator[LettaProcess]:
    """Run the command with its offline model, which takes no time for a word."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"PYTHONPATH": str(ROOT), "POSTERN_MODEL__WORD_SECONDS": "0"}
    command = ["-m", "gateway", "letta", "serve", "--port", "0", "--data", str(folder / "letta.db")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=folder, env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield LettaProcess(await _address(process), process.pid)
    finally:
        process.terminate()
        await process.communicate()


async def _address(process: asyncio.subprocess.Process) -> str:
    """Wait until it says where it listens."""
    heard: list[str] = []
    while process.stderr is not None and (line := await process.stderr.readline()):
        heard.append(line.decode())
        if "Serving Letta's API at" in heard[-1]:
            return heard[-1].split()[-1]
    raise SystemExit("".join(heard) or "`postern letta serve` did not start.")
