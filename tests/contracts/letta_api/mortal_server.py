"""The embedded server in a process of its own, to be killed. Prints its address, then serves.

`python -m tests.contracts.letta_api.mortal_server DATABASE`
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from letta_client import AsyncLetta

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve


class MortalServer:
    """One life of the server."""

    def __init__(self, process: asyncio.subprocess.Process, client: AsyncLetta) -> None:
        self._process = process
        self.client = client

    async def kill(self) -> None:
        """Kill -9: nothing is flushed, nobody is told."""
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def living(database: Path) -> AsyncGenerator[MortalServer]:
    """Start a life of the server on this database; it ends with the block at the latest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contracts.letta_api.mortal_server",
        str(database),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().strip()
        async with AsyncLetta(base_url=url, api_key="none", max_retries=0) as client:
            yield MortalServer(process, client)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def main(database: Path) -> None:
    """Serve until killed."""
    options = EmbeddedOptions(database, scripted=True, word_delay_seconds=0)
    async with serve(options) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
