"""The embedded server as a program to be killed: prints its address, then serves.

`python -m tests.contracts.letta_api.mortal_server DATABASE`
"""

import asyncio
import sys
from pathlib import Path

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve


async def main(database: Path) -> None:
    """Serve until killed."""
    options = EmbeddedOptions(database, scripted=True, word_delay_seconds=0)
    async with serve(options) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
