"""Runs a server by itself: prints one line of JSON with its addresses, then serves."""

import argparse
import asyncio
import json
import signal
import sys

from tests.platforms.discord_server.control import Control, describe
from tests.platforms.discord_server.server import DiscordServer
from tests.platforms.discord_server.settings import ServerSettings


def _arguments() -> argparse.Namespace:
    defaults = ServerSettings()
    parser = argparse.ArgumentParser(prog="python -m tests.platforms.discord_server")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0: any free one")
    parser.add_argument("--token", default=defaults.token)
    parser.add_argument("--shards", type=int, default=defaults.shards)
    parser.add_argument("--nonce-window", type=float, default=defaults.nonce_window_seconds)
    parser.add_argument("--limits", action="store_true", help="rate limits on")
    return parser.parse_args()


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    settings = ServerSettings(
        token=arguments.token,
        shards=arguments.shards,
        nonce_window_seconds=arguments.nonce_window,
    )
    server = DiscordServer(settings, port=arguments.port)
    server.limits.enabled = arguments.limits
    server.extensions.append(lambda app: Control(server).mount(app))
    async with server:
        sys.stdout.write(json.dumps(describe(server)) + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(serve(_arguments()))
