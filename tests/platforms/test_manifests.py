"""With what the manifests ask for, and nothing else, everything works."""

from __future__ import annotations

import json
from typing import Any

from gateway.bootstrap import manifests
from gateway.commands import SPECS
from gateway.domain.artifacts import Attachment
from gateway.domain.commands import Tier
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.settings import Settings, load_settings
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, Permission
from tests.platforms.slack_hub import SlackHub, Ways, slack_hub
from tests.platforms.slack_server import SlackSettings


def settings_with(**variables: str) -> Settings:
    return load_settings({f"POSTERN_{name}": value for name, value in variables.items()})


async def test_slack_refuses_nothing_to_an_app_made_from_its_manifest() -> None:
    settings = settings_with(SLACK__REACTIONS="true", SLACK__PROMPTS="What can you do?")
    slack = SlackSettings(
        scopes=frozenset(scopes(settings)), subscriptions=frozenset(events(settings))
    )
    ways = Ways().but(hears_reactions=True, prompts=settings.slack.prompts)

    async with slack_hub(slack, ways) as hub:
        ada = hub.slack.person("ada")
        ada.opens_home("messages")
        hub.slack.faults.lose_reply("chat.postMessage")
        ada.dm("in private")
        await hub.slack.until(lambda: ada.sees() == ["in private", "re: in private"])
        plans = hub.slack.channel("plans")
        root = ada.mentions(plans, "in a channel")
        await hub.slack.until(lambda: hub.slack.visible(plans, root.ts)[1:] == ["re: in a channel"])
        hub.slack.faults.lose_reply("chat.postMessage")
        ada.says(plans, "without a mention", thread_ts=root.ts)
        await hub.slack.until(lambda: "re: without a mention" in hub.slack.visible(plans, root.ts))
        await hub.slack.until(lambda: hub.slack.workspace().suggested_prompts)
        ada.shares_file(ada.dm_channel, "note.txt", b"note", text="with a file")
        await hub.slack.until(lambda: len(hub.agents.heard) == 4)
        await sends_a_file(hub, Conversation("slack", hub.slack.workspace().id, plans.id))
        await ada.shortcut("ask")
        await hub.slack.until(lambda: ada.modal)
        assert ada.modal is not None
        await ada.submits(ada.modal, {"text": "from a window"})
        await hub.slack.until(lambda: "re: from a window" in ada.sees())
        ada.opens_home()
        await hub.slack.until(lambda: ada.home)
        await hub.is_quiet()

        calls = hub.slack.calls()

    assert "missing_scope" not in {call.outcome for call in calls}
    assert {"conversations.history", "conversations.replies", "users.info"} <= {
        call.method for call in calls
    }


async def sends_a_file(hub: SlackHub, place: Conversation) -> None:
    artifact = await hub.artifacts.save("agent-1/a.csv", b"a,b", "text/csv")
    file = Attachment("a.csv", "text/csv", 3, artifact.key)
    post = NewDelivery(DeliveryId("post-1"), place, "here", files=(file,))
    await hub.hub.store.deliveries.enqueue([post], hub.hub.clock.now())
    await hub.settled("post-1")


def test_every_command_fits_the_hint_of_slack() -> None:
    _, postern = features(settings_with())["slash_commands"]

    hinted = set(postern["usage_hint"].split(" | "))
    assert hinted == {s.name for s in SPECS if s.tier is not Tier.ADMIN} - {"ask"}
    assert len(postern["usage_hint"]) <= 1000


async def test_discord_refuses_nothing_to_a_bot_that_was_invited_by_the_link() -> None:
    settings = settings_with(DISCORD__THREADS_ON_MENTION="true")
    given = int(str(manifests(settings)["discord"].document["permissions"]))

    async with DiscordServer() as server:
        ada = server.person("ada")
        server.deny(server.general, *(one for one in Permission if not one & given))
        hub = DiscordHub(server, settings={"threads_on_mention": True, "max_parts": 1})
        async with hub.connected():
            asked = ada.says(server.general, f"<@{server.world.bot.id}> words 1500")
            await server.until(lambda: asked.thread_id)
            thread = server.world.channels[asked.thread_id or 0]
            await server.until(
                lambda: any(m.revisions[-1].attachments for m in server.messages(thread))
            )
        ada.says(thread, "say missed")
        async with hub.connected():
            await server.until(lambda: server.said_by_bot(thread)[1:] == ["missed"])

    assert server.said_by_bot(server.general) == []


def features(settings: Settings) -> Any:
    return _slack(settings)["features"]


def scopes(settings: Settings) -> list[str]:
    return _slack(settings)["oauth_config"]["scopes"]["bot"]


def events(settings: Settings) -> list[str]:
    return _slack(settings)["settings"]["event_subscriptions"]["bot_events"]


def _slack(settings: Settings) -> Any:  # JSON has no type
    return json.loads(json.dumps(manifests(settings)["slack"].document))
