"""The embedded server as a program to be killed: prints its address, then serves.

`python -m tests.contracts.letta_api.mortal_server DATABASE`
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve
from tests.fakes.patience import PATIENCE_SECONDS


@asynccontextmanager
async def life(database: Path) -> AsyncGenerator[str]:
    """A process serving this database, by its address; leaving kills it, -9."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(database), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            address = await process.stdout.readline()
        yield address.decode().strip()
    finally:
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
