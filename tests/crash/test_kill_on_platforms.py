"""kill -9 at named moments, seen from Discord and from Slack: one answer, whole, for everyone."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.crash.home import Home
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_server import SlackServer, SlackSettings

MOMENTS = [
    "before store.turns.accept",
    "after store.turns.accept",
    "after TextDelta of runtime.run",
    "before platform.send",
    "after platform.send",
    "after store.turns.finish",
    "after store.deliveries.settle",
]
RETRIES = (0.05, 2.0, 6.0)
"""Seconds until Slack sends an event again, in place of its 0, 60 and 300."""

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_dm_on_discord_is_answered_once(home: Home, moment: str) -> None:
    async with DiscordServer() as discord:
        settings = {
            "DISCORD_TOKEN": discord.token,
            "POSTERN_DISCORD__API_URL": discord.api_url,
            "POSTERN_DISCORD__GATEWAY_URL": discord.gateway_url,
            "POSTERN_ACCESS__DISCORD": "open",
            "SPARED": "1",
        }
        ada = discord.person("ada")
        channel = ada.dm_channel
        async with home.gateway(die_at=moment, settings=settings) as dying:
            await discord.connected()
            # A bot can not list its DMs: after a restart it asks in those that it has heard in.
            ada.dm("Hello.")
            await discord.until(lambda: len(discord.visible(channel)) == 2)
            await home.until_idle()
            ada.dm("My name is Ada.")
            status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
        async with home.gateway(settings=settings):
            # Where the answer was there before the kill, nothing else waits for the start.
            await home.until_ready()
            await discord.until(
                lambda: any(text.endswith("Name: Ada*.") for text in discord.visible(channel)),
            )
            ada.dm("What is my name?")
            await discord.until(lambda: discord.visible(channel)[-1] == "Your name is **Ada**.")

    assert status == -signal.SIGKILL, f'"{moment}" never came'
    written = ["Hello.", "My name is Ada.", "What is my name?"]
    assert discord.visible(channel)[::2] == written
    assert len(discord.said_by_bot(channel)) == 3


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_dm_on_slack_is_answered_once(home: Home, moment: str) -> None:
    async with SlackServer(SlackSettings(retry_delays_seconds=RETRIES)) as slack:
        slack.events_url = f"{home.url}/slack/events"
        settings = {
            "SLACK_BOT_TOKEN": slack.bot_token(),
            "SLACK_SIGNING_SECRET": slack.app.signing_secret,
            "POSTERN_SLACK__API_URL": slack.api_url,
            "POSTERN_ACCESS__SLACK": "open",
        }
        ada = slack.person("ada")
        channel = ada.dm_channel
        async with home.gateway(die_at=moment, settings=settings) as dying:
            await home.until_ready()
            ada.dm("My name is Ada.")
            status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
        async with home.gateway(settings=settings):
            await home.until_ready()
            await slack.until(
                lambda: any(text.endswith("Name: Ada*.") for text in slack.visible(channel)), 40
            )
            ada.dm("What is my name?")
            await slack.until(lambda: slack.visible(channel)[-1] == "Your name is **Ada**.")

    assert status == -signal.SIGKILL, f'"{moment}" never came'
    assert slack.visible(channel)[::2] == ["My name is Ada.", "What is my name?"]
    assert len(slack.said_by_app(channel)) == 2
