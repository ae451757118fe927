"""discord.py's client as we use it: a connection that tells us everything at once and in order.

Its events, caches and objects are not used but for finding a thread's parent.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket, KeepAliveHandler
from discord.http import Route

from adapters.discord.options import DiscordOptions, ReactionPolicy
from adapters.discord.rest import Json
from gateway.errors import RateLimited

Hear = Callable[[str, Json], None]
"""Told the name and data of every gateway event, in order, before discord.py looks at it."""

HEARTBEAT_ACK = "heartbeat_ack"
"""The name under which `Hear` is told that Discord answered a heartbeat."""

_DISPATCH, _ACK = 0, 11
_READ_BY_US_ALONE = frozenset(
    {
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "MESSAGE_DELETE",
        "MESSAGE_DELETE_BULK",
        "MESSAGE_REACTION_ADD",
        "INTERACTION_CREATE",
    }
)
_READ = _READ_BY_US_ALONE | {"READY", "RESUMED"}


def aim(api_url: str) -> None:
    """Point discord.py at this API; it has no option for it, so it holds for the process."""
    Route.BASE = api_url.rstrip("/")


class GatewayClient(discord.AutoShardedClient):
    """Holds the gateway connection, with as many shards as Discord asks for."""

    def __init__(self, options: DiscordOptions, hear: Hear, *, wants_content: bool) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=_intents(options, wants_content=wants_content),
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_ratelimit_timeout=30.0,
            heartbeat_timeout=options.heartbeat_timeout_seconds,
            guild_ready_timeout=options.guilds_seconds,
            # Raw events come before, and without, discord.py's own reading of them.
            enable_debug_events=True,
        )
        for event in _READ_BY_US_ALONE:
            # One that discord.py can not read would end the connection.
            del self._connection.parsers[event]
        self._hear = hear
        self._gateway_url = options.gateway_url
        self._pause_seconds = options.identify_pause_seconds
        self._identifies_at_once = 1
        self._identified_at: dict[int, float] = {}

    async def prepare(self) -> int:
        """Ask where the gateway is and how many shards it wants; log in first.

        Raises RateLimited when no session may begin now.
        """
        self.shard_count, url, limits = await self.http.get_bot_gateway()
        if limits["remaining"] < 1:
            # Discord takes the token away from a bot that begins more sessions than that.
            wait = limits["reset_after"] / 1000
            sentence = f"The bot has begun too many sessions; Discord allows more in {wait:.0f} s."
            raise RateLimited(sentence, retry_after_seconds=wait)
        self._identifies_at_once = limits["max_concurrency"]
        # discord.py comes back to this address when a session was invalidated.
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._gateway_url or url)
        return self.shard_count

    async def close(self) -> None:
        """Close, with the heartbeats of connections that were given up while they were made.

        discord.py forgets those; their threads would go on until the next heartbeat fails.
        """
        await super().close()
        for thread in threading.enumerate():
            if isinstance(thread, KeepAliveHandler) and self._is_of(thread):
                thread.stop()

    def _is_of(self, heart: KeepAliveHandler) -> bool:
        return heart.ws._connection is self._connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - nothing public says whose it is

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Hand raw events on at once: discord.py would start a task for each."""
        if event == "socket_raw_receive":
            self._receive(args[0])

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait what is left of Discord's pause between two sessions, not all of it each time."""
        loop = asyncio.get_running_loop()
        bucket = (shard_id or 0) % self._identifies_at_once
        if bucket in self._identified_at:
            await asyncio.sleep(self._identified_at[bucket] + self._pause_seconds - loop.time())
        self._identified_at[bucket] = loop.time()

    def _receive(self, frame: str) -> None:
        payload = json.loads(frame)
        if payload["op"] == _ACK:
            self._hear(HEARTBEAT_ACK, {})
        elif payload["op"] == _DISPATCH and payload["t"] in _READ:
            self._hear(payload["t"], payload["d"])


def _intents(options: DiscordOptions, *, wants_content: bool) -> discord.Intents:
    intents = discord.Intents.none()
    intents.guilds = True
    intents.guild_messages = True
    intents.dm_messages = True
    intents.message_content = wants_content
    if options.reactions is not ReactionPolicy.OFF:
        intents.guild_reactions = True
        intents.dm_reactions = True
    return intents
