"""What the settings say of who is heard, and how much, reaches whoever decides it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.discord.options import DiscordOptions
from adapters.slack.options import Options
from gateway.bootstrap.choices import access_policy, turn_options
from gateway.bootstrap.doors import discord_options, slack_options
from gateway.bootstrap.hub import make_allowance
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.domain.places import PlacePolicy
from gateway.retries import RetryPolicy
from gateway.settings import Settings, load_settings
from storage.memory import MemoryStore
from tests.fakes.virtual_time import EPOCH

OPEN, OTHER = Conversation("discord", "7", "1", "5"), Conversation("discord", "7", "2")
ON_SLACK = Conversation("slack", "T1", "C1")
ADA = Sender(Identity("discord", "discord", "1"), "Ada")


def _settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "postern.toml"
    file.write_text(text)
    return load_settings({}, file)


async def _no_events() -> list[tuple[Conversation, str]]:
    return []


@pytest.fixture
def policies(tmp_path: Path) -> Settings:
    """One channel of Discord is open, and Slack is disabled."""
    return _settings(
        tmp_path,
        "[[places]]\nplace = 'discord:7:1'\npolicy = 'open'\n"
        "[[places]]\nplace = 'slack'\npolicy = 'disabled'\n",
    )


def test_both_platforms_know_where_nobody_has_to_mention_them(policies: Settings) -> None:
    for options in (discord_options(policies, _no_events), slack_options(policies)):
        assert isinstance(options, DiscordOptions | Options)
        assert options.hears_all(OPEN)
        assert not options.hears_all(OTHER)
        assert not options.hears_all(ON_SLACK)


def test_access_and_turns_know_the_policies(policies: Settings) -> None:
    of_access = access_policy(policies).rules
    of_turns = turn_options(policies, RetryPolicy()).places

    assert of_access == of_turns
    found = [of_access.of(place) for place in (OPEN, OTHER, ON_SLACK)]
    assert found == [PlacePolicy.OPEN, PlacePolicy.MENTION, PlacePolicy.DISABLED]


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("", [None, None, None]),
        ("channel_messages_per_minute = 1", [None, "busy_channel", None]),
        ("messages_per_minute = 1", [None, "too_many_messages", "too_many_messages"]),
        ("messages_per_minute = 0", None),
    ],
)
async def test_what_may_be_said_in_a_minute_is_as_the_settings_say(
    tmp_path: Path, text: str, reasons: list[str | None] | None
) -> None:
    allowance = make_allowance(_settings(tmp_path, f"[access]\n{text}\n"), MemoryStore())
    if allowance is None or reasons is None:
        assert allowance is reasons is None
        return
    said = InboundMessage("e1", OTHER, ADA, "hello", EPOCH)
    elsewhere = Conversation("discord", "dm", "9")
    refusals = [
        await allowance.refusal(each, EPOCH)
        for each in (said, replace(said, event_id="e2"), replace(said, conversation=elsewhere))
    ]

    assert [each and each.reason for each in refusals] == reasons
