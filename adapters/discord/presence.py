"""Shows people, by the dot at the bot's name, that its agents can't be reached."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import discord

from adapters.discord.client import GatewayClient
from adapters.discord.failures import NETWORK_ERRORS
from adapters.discord.options import AskHealth

log = logging.getLogger(__name__)

AWAY = "My mind can't be reached. Messages wait for it."


class Presence:
    """Asks how the agents are, and changes the bot's presence when that changes.

    Every session begins with the plain one, so after a new session it is shown again.
    """

    def __init__(
        self, client: GatewayClient, count_sessions: Callable[[], int], ask: AskHealth
    ) -> None:
        self._client = client
        self._count_sessions = count_sessions
        self._ask = ask
        self._away_in: int | None = None
        """How many sessions there had been when "away" was shown; None when it is not."""

    async def run(self, every_seconds: float) -> None:
        """Keep it true until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            is_away = not (await self._ask()).is_ready
            sessions = self._count_sessions()
            if is_away == (self._away_in is not None) and self._away_in in (None, sessions):
                continue
            try:
                await self._show(is_away=is_away)
            except (discord.DiscordException, *NETWORK_ERRORS) as error:
                log.info("discord_presence_not_shown", extra={"error": type(error).__name__})
            else:
                self._away_in = sessions if is_away else None

    async def _show(self, *, is_away: bool) -> None:
        log.info("discord_presence", extra={"is_away": is_away})
        if is_away:
            activity = discord.CustomActivity(AWAY)
            await self._client.change_presence(activity=activity, status=discord.Status.idle)
        else:
            await self._client.change_presence(status=discord.Status.online)
