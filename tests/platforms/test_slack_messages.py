"""What people write to the app in Slack, and how they are answered, through a whole hub."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.platforms.slack_hub import SlackHub, slack_hub


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


async def test_a_dm_is_answered_in_place(hub: SlackHub) -> None:
    ada = hub.slack.person("ada")

    ada.dm("hello")
    await hub.slack.until(lambda: len(ada.sees()) == 2)
    await hub.slack.until_delivered()

    assert ada.sees() == ["hello", "re: hello"]
    assert {attempt.status for attempt in hub.slack.attempts} == {200}
