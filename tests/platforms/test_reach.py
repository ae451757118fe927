"""A schedule is refused where its platform says that nothing can be posted, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from gateway.bootstrap import desks
from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.schedules import NewSchedule, Rules, Timing
from gateway.errors import BadInput
from gateway.ports import Store
from gateway.settings import Settings
from storage.memory import MemoryStore
from tests.platforms.discord_server import DiscordServer, Permission
from tests.platforms.slack_server import SlackServer

NOBODY_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
async def slack() -> AsyncGenerator[SlackServer]:
    async with SlackServer() as slack:
        yield slack


def on_discord(server: DiscordServer, **changes: object) -> Settings:
    return Settings.model_validate(
        {"discord": {"token": server.token, "api_url": server.api_url, **changes}}
    )


def on_slack(slack: SlackServer, **changes: object) -> Settings:
    return Settings.model_validate(
        {"slack": {"bot_token": slack.bot_token(), "api_url": slack.api_url, **changes}}
    )


def general_of(server: DiscordServer) -> Conversation:
    return Conversation("discord", str(server.general.guild_id), str(server.general.id))


async def is_taken(
    settings: Settings, place: Conversation, *, silent: bool = False, store: Store | None = None
) -> bool:
    """Wish for a schedule there; raises BadInput where it is refused."""
    store = store or MemoryStore()
    wish = NewSchedule(
        "morning", Timing(cron="0 9 * * *"), place.id, "Greet.", rules=Rules(silent=silent)
    )
    await desks(settings, store, SystemClock()).schedules.add(wish)
    return await store.schedules.get("morning") is not None


async def test_a_discord_channel_where_the_bot_may_write_is_taken(server: DiscordServer) -> None:
    assert await is_taken(on_discord(server), general_of(server))
    assert server.visible(server.general) == []


@pytest.mark.parametrize("denied", [Permission.SEND_MESSAGES, Permission.VIEW_CHANNEL])
async def test_a_discord_channel_where_the_bot_may_not_write_is_refused(
    server: DiscordServer, denied: Permission
) -> None:
    server.deny(server.general, denied)
    store = MemoryStore()

    with pytest.raises(BadInput, match=r'Nothing can be posted to "discord:.*The bot may not'):
        await is_taken(on_discord(server), general_of(server), store=store)

    assert await store.schedules.get("morning") is None


async def test_a_discord_channel_that_is_gone_is_refused(server: DiscordServer) -> None:
    with pytest.raises(BadInput, match="The channel is gone, or the bot was never in it"):
        await is_taken(on_discord(server), Conversation("discord", "1", "2"))


async def test_what_posts_nowhere_needs_no_right_to_write(server: DiscordServer) -> None:
    server.deny(server.general, Permission.SEND_MESSAGES)

    assert await is_taken(on_discord(server), general_of(server), silent=True)


@pytest.mark.parametrize(
    "changes", [{"api_url": NOBODY_LISTENS}, {"token": "not-the-token"}, {"token": None}], ids=str
)
async def test_where_discord_does_not_say_the_schedule_is_taken(
    server: DiscordServer, changes: dict[str, object]
) -> None:
    server.deny(server.general, Permission.SEND_MESSAGES)

    assert await is_taken(on_discord(server, **changes), general_of(server))


async def test_a_slack_channel_that_the_app_is_in_is_taken(slack: SlackServer) -> None:
    place = Conversation("slack", slack.workspace().id, slack.channel("general").id)

    assert await is_taken(on_slack(slack), place)


async def test_a_slack_channel_that_the_app_is_not_in_is_refused(slack: SlackServer) -> None:
    channel = slack.channel("general")
    channel.members.remove(slack.workspace().bot.id)

    with pytest.raises(BadInput, match=r"The app is not in the channel: invite it there\."):
        await is_taken(on_slack(slack), Conversation("slack", slack.workspace().id, channel.id))


async def test_a_slack_channel_that_nobody_knows_is_refused(slack: SlackServer) -> None:
    with pytest.raises(BadInput, match="Slack knows no such channel"):
        await is_taken(on_slack(slack), Conversation("slack", slack.workspace().id, "C404"))


async def test_where_slack_does_not_say_the_schedule_is_taken(slack: SlackServer) -> None:
    place = Conversation("slack", slack.workspace().id, "C404")

    for changes in ({"api_url": NOBODY_LISTENS}, {"bot_token": "xoxb-wrong"}):
        assert await is_taken(on_slack(slack, **changes), place)
    slack.faults.answer_status("conversations.history", 503)
    assert await is_taken(on_slack(slack), place)
