"""What agents do beside the conversation, at each door of a whole gateway."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.platforms.test_three_doors import House, house
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving

DONE = re.compile(r"\*(bg-[0-9a-f]{24}):\*+ (\w+ \d)")


async def shown(home: House) -> list[str]:
    """Return all that stands at the three doors."""
    on_discord = home.discord.visible(home.discord.person("ada").dm_channel)
    on_slack = home.slack.visible(home.slack.person("ada").dm_channel)
    entries = (await home.web.get("/history/postern")).json()["messages"]
    return [*on_discord, *on_slack, *(entry["text"] for entry in entries)]


async def until_seen(home: House, words: str, count: int) -> list[str]:
    """Wait until so many messages say it."""
    while True:
        found = [text for text in await shown(home) if words in text]
        if len(found) >= count:
            return found
        await asyncio.sleep(0.05)


async def test_every_door_has_things_done_beside_the_conversation(tmp_path: Path) -> None:
    endpoint = ChatEndpoint()
    endpoint.answers = [[delta(content=f"counted {number}")] for number in range(3)]
    said: list[str] = []
    async with (
        serving(endpoint),
        house(tmp_path, f'[model]\nbase_url = "{endpoint.url}"\n') as home,
    ):
        for count, say in enumerate((home.on_discord, home.on_slack, home.on_the_web), 1):
            await say("/bg count the stars")
            said = await until_seen(home, "counted ", count)
            assert any("`bg-" in text for text in await shown(home))

    assert sorted(match[2] for text in said if (match := DONE.search(text))) == [
        "counted 0",
        "counted 1",
        "counted 2",
    ]
    assert all("background" in str(each["messages"][-1]["content"]) for each in endpoint.requests)


async def test_every_door_wakes_its_agent_and_chooses_how_messages_queue(tmp_path: Path) -> None:
    endpoint = ChatEndpoint()
    endpoint.answers = [[delta(content=f"looked {number}")] for number in range(3)]
    async with (
        serving(endpoint),
        house(tmp_path, f'[model]\nbase_url = "{endpoint.url}"\n') as home,
    ):
        for count, say in enumerate((home.on_discord, home.on_slack, home.on_the_web), 1):
            chosen = await say("/queue collect 1")
            await say("/heartbeat the stars")
            await until_seen(home, "looked ", count)

            assert "after 1 second of silence" in chosen

    woken = [str(each["messages"][-1]["content"]) for each in endpoint.requests]
    assert len(woken) == 3
    assert all("; woken by hand]" in words and "the stars" in words for words in woken)
