"""The adapter of a process that only listens to Discord, and stores nothing itself."""

from __future__ import annotations

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.options import DiscordOptions, NewestEvents
from gateway.clock import SystemClock
from gateway.commands import SPECS
from gateway.errors import SettingsWrong
from gateway.settings import Settings


def new_listener(settings: Settings, newest: NewestEvents) -> DiscordAdapter:
    """Return the adapter. Raises SettingsWrong when Discord is off."""
    discord = settings.discord
    if discord.token is None:
        raise SettingsWrong("Discord is off: put DISCORD_TOKEN into the secret to listen.")
    options = DiscordOptions(
        token=discord.token.get_secret_value(),
        newest_events=newest,
        application_id=discord.application_id,
        api_url=discord.api_url,
        gateway_url=discord.gateway_url,
        commands=SPECS,
    )
    return DiscordAdapter(options, SystemClock())
