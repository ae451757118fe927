"""A data directory and a port, and the gateway processes that come and go there."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """Where a gateway lives from one death to the next."""

    data_dir: Path
    port: int

    @property
    def url(self) -> str:
        """Where its web door is."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def gateway(self, *, die_at: str = "") -> AsyncGenerator[asyncio.subprocess.Process]:
        """Run a gateway process; it is stopped gently at the end, if it still lives."""
        environment = {
            "PATH": os.environ["PATH"],
            "POSTERN_DATA_DIR": str(self.data_dir),
            "POSTERN_HTTP__PORT": str(self.port),
            "DIE_AT": die_at,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.gateway_process", env=environment
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()
