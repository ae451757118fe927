"""Points discord.py, which has no option for it, at a server on loopback."""

from collections.abc import Generator
from contextlib import contextmanager

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.platforms.discord_server.server import DiscordServer


@contextmanager
def aimed_at(server: DiscordServer) -> Generator[None]:
    """Use this server inside the block; REST and gateway addresses are set back after it."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = server.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before
