"""What others said in a channel before a mention, looked up on Discord and on Slack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.bans import OPERATOR, Ban
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity, Sender
from gateway.turn_runner import TurnOptions
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer
from tests.platforms.discord_server.permissions import Permission
from tests.platforms.slack_hub import SlackHub, Ways, slack_hub
from tests.platforms.slack_server import SlackSettings
from tests.platforms.test_discord_conversations import mention

QUOTING = TurnOptions(quoted_messages=3)


def quoted(heard: list[str]) -> list[str]:
    """Return what stands in the quotes of the first message, each with its author."""
    lines = heard[0].split("\n")
    quotes = [line[1:-1] for line in lines if line.startswith("[quoted, ")]
    assert f"then {len(quotes)} line" in lines[0] or not quotes
    return [f"{quote.split(', ')[1]}: {quote.partition(' UTC: ')[2]}" for quote in quotes]


# -- Discord ---------------------------------------------------------------------------------


async def test_discord_tells_what_was_said_before_a_mention() -> None:
    async with DiscordServer() as server:
        ada, bob = server.person("ada"), server.person("bob")
        hub = DiscordHub(server, turns=QUOTING)
        async with hub.connected():
            for text in ("too old", "The boat\nis late.", f"Ask <@{ada.id}>."):
                bob.says(server.general, text)
            ada.says(server.general, "I will.")
            ada.says(server.general, f"{mention(server)} say one")
            await server.until(lambda: server.said_by_bot(server.general) == ["one"])
            bob.says(server.general, "Thanks.")
            ada.says(server.general, f"{mention(server)} say two")
            await server.until(lambda: server.said_by_bot(server.general) == ["one", "two"])

    first, second = hub.agents.heard
    assert quoted(first) == ["Bob: The boat is late.", "Bob: Ask @Ada.", "Ada: I will."]
    assert quoted(second) == ["Bob: Thanks."]


async def test_discord_quotes_nobody_who_may_not_talk_here() -> None:
    async def admits(sender: Sender, place: Conversation) -> bool:
        return sender.identity.user != str(bob.id)

    async with DiscordServer() as server:
        ada, bob = server.person("ada"), server.person("bob")
        hub = DiscordHub(server, turns=QUOTING, settings={"admits": admits})
        async with hub.connected():
            bob.says(server.general, "Obey me.")
            ada.says(server.general, "Hm.")
            ada.says(server.general, f"{mention(server)} say one")
            await server.until(lambda: server.said_by_bot(server.general))

    assert quoted(hub.agents.heard[0]) == ["Ada: Hm."]


async def test_a_new_thread_on_discord_is_quoted_its_channel() -> None:
    async with DiscordServer() as server:
        ada, bob = server.person("ada"), server.person("bob")
        settings: dict[str, object] = {"threads_on_mention": True}
        hub = DiscordHub(server, turns=QUOTING, settings=settings)
        async with hub.connected():
            bob.says(server.general, "In the channel.")
            asked = ada.says(server.general, f"{mention(server)} say one")
            await server.until(lambda: asked.thread_id)
            thread = server.world.channels[asked.thread_id or 0]
            await server.until(lambda: server.said_by_bot(thread))

    assert quoted(hub.agents.heard[0]) == ["Bob: In the channel."]


async def test_where_discord_shows_no_history_the_agent_answers_without() -> None:
    async with DiscordServer() as server:
        ada, bob = server.person("ada"), server.person("bob")
        server.deny(server.general, Permission.READ_MESSAGE_HISTORY)
        hub = DiscordHub(server, turns=QUOTING)
        async with hub.connected():
            bob.says(server.general, "The boat is late.")
            ada.says(server.general, f"{mention(server)} say one")
            await server.until(lambda: server.said_by_bot(server.general) == ["one"])

    assert quoted(hub.agents.heard[0]) == []


async def test_discord_is_asked_nothing_by_default() -> None:
    async with DiscordServer() as server:
        ada = server.person("ada")
        hub = DiscordHub(server)
        async with hub.connected():
            ada.says(server.general, f"{mention(server)} say one")
            await server.until(lambda: server.said_by_bot(server.general))

    assert server.log.count("GET /channels/*/messages") == 0


# -- Slack -----------------------------------------------------------------------------------


PROMPT = SlackSettings(history_lag_seconds=0)


async def heard_by(hub: SlackHub, turns: int) -> list[str]:
    """Wait until agents have heard so much; return the newest."""
    await hub.slack.until(lambda: len(hub.agents.heard) == turns)
    return hub.agents.heard[-1]


@pytest.fixture
def ways() -> Ways:
    return replace(Ways(), turns=QUOTING)


async def test_slack_tells_what_was_said_before_a_mention(ways: Ways) -> None:
    async with slack_hub(PROMPT, ways) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")
        general = hub.slack.channel("general")
        for text in ("too old", "The boat\nis &lt;late&gt;.", f"Ask <@{ada.id}|ada>."):
            bob.says(general, text)
        ada.says(general, "I will.")
        ada.mentions(general, "one")
        first = await heard_by(hub, 1)
        bob.says(general, "Thanks.")
        ada.mentions(general, "two")
        second = await heard_by(hub, 2)

    assert quoted(first) == ["bob: The boat is <late>.", "bob: Ask @ada.", "ada: I will."]
    assert quoted(second) == ["bob: Thanks."]


async def test_a_thread_on_slack_is_quoted_itself(ways: Ways) -> None:
    async with slack_hub(PROMPT, ways) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")
        general = hub.slack.channel("general")
        root = bob.says(general, "Where is the boat?")
        bob.says(general, "Beside the thread.")
        ada.says(general, "It is late.", thread_ts=root.ts)
        ada.mentions(general, "one", thread_ts=root.ts)
        first = await heard_by(hub, 1)

    assert quoted(first) == ["bob: Where is the boat?", "ada: It is late."]


async def test_the_first_message_of_a_thread_is_quoted_once(ways: Ways) -> None:
    async with slack_hub(PROMPT, ways) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")
        general = hub.slack.channel("general")
        root = bob.says(general, "Where is the boat?")
        ada.mentions(general, "one", thread_ts=root.ts)
        first = await heard_by(hub, 1)
        late = bob.says(general, "Late.", thread_ts=root.ts)
        await heard_by(hub, 2)  # by Bob's own agent: the app takes part in the thread by now
        # Slack has the first message among the replies, whatever is asked for.
        told = [
            {"ts": each.ts, "user": bob.id, "text": text, "thread_ts": root.ts}
            for each, text in ((root, "Where is the boat?"), (late, "Late."))
        ]
        hub.slack.faults.answer("conversations.replies", {"ok": True, "messages": told})
        ada.mentions(general, "two", thread_ts=root.ts)
        second = await heard_by(hub, 3)

    assert quoted(first) == ["bob: Where is the boat?"]
    assert quoted(second) == ["bob: Late."]


async def test_slack_quotes_nobody_who_may_not_talk_here(ways: Ways) -> None:
    async with slack_hub(PROMPT, ways) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")
        general = hub.slack.channel("general")
        account = Identity("slack", bob.workspace.id, bob.id)
        bob.dm("Hello.")
        await heard_by(hub, 1)
        await hub.hub.store.people.ban(Ban(account, hub.hub.clock.now(), None, OPERATOR))
        bob.says(general, "Obey me.")
        ada.says(general, "Hm.")
        ada.mentions(general, "one")
        heard = await heard_by(hub, 2)

    assert quoted(heard) == ["ada: Hm."]


async def test_where_slack_refuses_history_the_agent_answers_without(ways: Ways) -> None:
    async with slack_hub(PROMPT, ways) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")
        general = hub.slack.channel("general")
        bob.says(general, "The boat is late.")
        hub.slack.faults.refuse("conversations.history", "missing_scope")
        ada.mentions(general, "one")
        first = await heard_by(hub, 1)

    assert quoted(first) == []
