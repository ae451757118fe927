"""What is heard in channels of Discord and of Slack, by the operator's policies."""

from __future__ import annotations

from gateway.domain.places import PlacePolicy, PlaceRules
from gateway.turn_runner import TurnOptions
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer
from tests.platforms.slack_hub import Ways, slack_hub
from tests.platforms.test_discord_conversations import mention
from tests.platforms.test_earlier_talk import quoted


def _open(*places: str) -> PlaceRules:
    return PlaceRules(dict.fromkeys(places, PlacePolicy.OPEN))


async def test_in_an_open_channel_of_discord_nobody_has_to_mention_the_bot() -> None:
    async with DiscordServer() as server:
        ada, general = server.person("ada"), server.general
        rules = _open(f"discord:{general.guild_id}:{general.id}")
        hub = DiscordHub(server, settings={"hears_all": rules.is_open})
        async with hub.connected():
            ada.says(general, "say hello")
            await server.until(lambda: server.said_by_bot(general) == ["hello"])
            asked = ada.says(general, "say before")
            await server.until(lambda: server.said_by_bot(general) == ["hello", "before"])
            ada.edits(asked, "say after")
            await hub.has_heard(3)

    assert hub.heard == ["say hello", "say before", "say after"]


async def test_in_other_channels_of_discord_they_still_have_to() -> None:
    async with DiscordServer() as server:
        ada, general = server.person("ada"), server.general
        hub = DiscordHub(server, settings={"hears_all": _open("discord:1", "slack").is_open})
        async with hub.connected():
            ada.says(general, "say nothing")
            ada.says(general, f"{mention(server)} say hello")
            await server.until(lambda: server.said_by_bot(general) == ["hello"])

    assert hub.heard == ["say hello"]


async def test_in_an_open_channel_of_slack_nobody_has_to_mention_the_app() -> None:
    async with slack_hub(ways=Ways().but(hears_all=_open("slack").is_open)) as hub:
        ada = hub.slack.person("ada")
        root = ada.says("general", "lunch?")
        general = hub.slack.workspace().channels[root.channel]
        await hub.slack.until(lambda: hub.slack.visible(general, root.ts)[1:] == ["re: lunch?"])
        below = hub.slack.person("bob").says("general", "yes", thread_ts=root.ts)
        await hub.slack.until(lambda: "re: yes" in hub.slack.visible(general, root.ts))
        other = ada.says("general", "dinner?")
        await hub.slack.until(lambda: hub.slack.visible(general, other.ts)[1:] == ["re: dinner?"])

    assert below.ts > root.ts
    assert len(hub.agents.heard) == 3


async def test_where_agents_listen_they_are_quoted_what_others_said() -> None:
    async with DiscordServer() as server:
        ada, bob, general = server.person("ada"), server.person("bob"), server.general
        rules = PlaceRules({f"discord:{general.guild_id}": PlacePolicy.LISTEN})
        hub = DiscordHub(server, turns=TurnOptions(places=rules))
        async with hub.connected():
            bob.says(general, "The boat is late.")
            ada.says(general, f"{mention(server)} say hm")
            await server.until(lambda: server.said_by_bot(general) == ["hm"])

    assert quoted(hub.agents.heard[0]) == ["Bob: The boat is late."]
