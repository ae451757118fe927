"""The parts of a deployment as processes over one Postgres: `python -m deploy.local`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_server import SlackServer


@dataclass(frozen=True, slots=True)
class Part:
    """A running process."""

    process: asyncio.subprocess.Process
    said: str
    """The first line that it printed."""

    async def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        await self.process.wait()


@dataclass
class Parts:
    """Starts parts that know the same platforms and the same database."""

    folder: Path
    settings: Mapping[str, str]
    _made: int = field(default=0)

    @asynccontextmanager
    async def running(self, part: str, *arguments: str) -> AsyncGenerator[Part]:
        """Run a part until the end of the block, if it still lives then."""
        process = await self._started("deploy.local", part, *arguments)
        try:
            assert process.stdout is not None
            said = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
            yield Part(process, said.decode().strip())
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()

    async def dying(self, moment: str) -> int:
        """Run a worker that kills itself at a moment; returns its status when it has."""
        process = await self._started("tests.crash.gateway_process", DIE_AT=moment)
        return await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)

    async def ticked(self) -> str:
        """Run a tick to its end; returns what it said."""
        process = await self._started("deploy.local", "tick")
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        return said.decode()

    async def _started(
        self, module: str, *arguments: str, **more: str
    ) -> asyncio.subprocess.Process:
        self._made += 1
        environ = {
            "PATH": os.environ["PATH"],
            "POSTERN_DATA_DIR": str(self.folder / f"{self._made}"),
            "POSTERN_HTTP__PORT": "0",
            "POSTERN_TURNS__LEASE_SECONDS": "1.5",
            "POSTERN_ACCESS__MESSAGES_PER_MINUTE": "0",
            **self.settings,
            **more,
        }
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, env=environ, stdout=asyncio.subprocess.PIPE
        )


def known_to(discord: DiscordServer, slack: SlackServer, url: str) -> dict[str, str]:
    """Return the settings of every part."""
    return {
        "DATABASE_URL": url,
        "DISCORD_TOKEN": discord.token,
        "DISCORD_PUBLIC_KEY": discord.signer.public_key,
        "POSTERN_DISCORD__API_URL": discord.api_url,
        "POSTERN_DISCORD__GATEWAY_URL": discord.gateway_url,
        "POSTERN_ACCESS__DISCORD": "open",
        "SLACK_BOT_TOKEN": slack.bot_token(),
        "SLACK_SIGNING_SECRET": slack.app.signing_secret,
        "POSTERN_SLACK__API_URL": slack.api_url,
        "POSTERN_ACCESS__SLACK": "open",
    }


HEARS_BY_HTTP = {"POSTERN_DISCORD__GATEWAY": "false"}
"""What a worker is told whose Discord connection a listener holds."""
