"""A wakeup posts where it was told to, through the real clients, and once."""

from __future__ import annotations

from datetime import timedelta

from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Route, Sender
from gateway.domain.schedules import Schedule, Wakeup
from gateway.ports import Store
from gateway.telemetry import Metrics
from scheduler.ticker import Ticker
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_hub import slack_hub

GOOD_MORNING = "Good **morning**."


async def comes_due(store: Store, place: Conversation, owner: Identity) -> None:
    """Let a slot of a schedule come due, with two workers that would fire it."""
    clock = SystemClock()
    wakeup = Wakeup(place, Sender(owner, "Ada"), "Greet the channel.")
    due = clock.now() - timedelta(seconds=1)
    await store.schedules.put(
        Schedule("morning", f"at:{due.isoformat()}", "UTC", due, wakeup=wakeup)
    )
    for _worker in range(2):
        await Ticker(store, {"postern": Route("postern")}, clock, Metrics()).fire_due()


async def test_a_wakeup_posts_to_a_discord_channel() -> None:
    async with DiscordServer() as server:
        hub, ada = DiscordHub(server), server.person("ada")
        place = Conversation("discord", str(server.general.guild_id), str(server.general.id))
        hub.agents.will_say(GOOD_MORNING)

        async with hub.connected():
            await comes_due(hub.store, place, Identity("discord", "discord", str(ada.id)))
            await server.until(lambda: server.visible(server.general) == [GOOD_MORNING])

    assert hub.agents.runs_started == 1


async def test_a_wakeup_posts_to_a_slack_thread() -> None:
    async with slack_hub() as hub:
        ada = hub.slack.person("ada")
        root = ada.says("general", "Shall we greet each other here?")
        channel = hub.slack.workspace().channels[root.channel]
        team = hub.slack.workspace().id
        place = Conversation("slack", team, root.channel, root.ts)
        hub.agents.will_say("Good morning.")

        await comes_due(hub.hub.store, place, Identity("slack", team, ada.id))
        await hub.slack.until(lambda: hub.slack.visible(channel, root.ts)[1:] == ["Good morning."])

    assert hub.agents.runs_started == 1
