"""kill -9 between fire, turn and delivery of two wakeups: one post on Discord, one on Slack."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Schedule, Wakeup
from storage.sqlite import SqliteStore
from tests.crash.home import Home
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_server import SlackServer
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving

MOMENTS = [
    "after store.schedules.fire",
    "after TextDelta of runtime.run",
    "after store.turns.finish",
    "after platform.send",
]
GREETING = "Good morning."

pytestmark = pytest.mark.crash


async def are_due(home: Home, *wakeups: Wakeup) -> None:
    """Let a slot of a schedule for each come due before the gateway is there."""
    home.data_dir.mkdir()
    store, due = SqliteStore(home.data_dir / "postern.db"), datetime.now(UTC)
    await store.open()
    for number, wakeup in enumerate(wakeups):
        trigger = f"at:{due.isoformat()}"
        await store.schedules.put(Schedule(f"s{number}", trigger, "UTC", due, wakeup=wakeup))
    await store.close()


@pytest.mark.parametrize("moment", MOMENTS)
async def test_wakeups_post_once_over_a_kill(home: Home, moment: str) -> None:
    model = ChatEndpoint()
    model.answers = [[delta(content=word) for word in ("Good", " morning.")]] * 20
    async with DiscordServer() as discord, SlackServer() as slack, serving(model):
        settings = {
            "DISCORD_TOKEN": discord.token,
            "POSTERN_DISCORD__API_URL": discord.api_url,
            "POSTERN_DISCORD__GATEWAY_URL": discord.gateway_url,
            "POSTERN_ACCESS__DISCORD": "open",
            "SLACK_BOT_TOKEN": slack.bot_token(),
            "SLACK_SIGNING_SECRET": slack.app.signing_secret,
            "POSTERN_SLACK__API_URL": slack.api_url,
            "POSTERN_ACCESS__SLACK": "open",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "key",
            "SPARED": "-1",
        }
        channel, team = discord.general, slack.workspace().id
        root = slack.person("ada").says("general", "Shall we greet each other here?")
        await are_due(
            home,
            Wakeup(
                Conversation("discord", str(channel.guild_id), str(channel.id)),
                Sender(Identity("discord", "discord", str(discord.person("ada").id)), "Ada"),
                "Greet the channel.",
            ),
            Wakeup(
                Conversation("slack", team, root.channel, root.ts),
                Sender(Identity("slack", team, slack.person("ada").id), "Ada"),
                "Greet the thread.",
            ),
        )

        async with home.gateway(die_at=moment, settings=settings) as dying:
            status = await asyncio.wait_for(dying.wait(), PATIENCE_SECONDS)
        async with home.gateway(settings=settings):
            await discord.until(lambda: GREETING in discord.said_by_bot(channel))
            await slack.until(lambda: GREETING in slack.said_by_app(root.channel))
            await home.until_idle()

    assert status == -signal.SIGKILL, f'"{moment}" never came'
    assert discord.said_by_bot(channel) == [GREETING]
    assert slack.said_by_app(root.channel) == [GREETING]
    assert slack.visible(root.channel, root.ts)[1:] == [GREETING]
