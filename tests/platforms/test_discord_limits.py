"""Discord's rate limits: everybody is answered, however many write at once."""

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest

from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer

POST = "POST /channels/*/messages"


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        server.limits.enabled = True
        yield server


async def test_200_people_at_once_are_all_answered_under_the_global_limit(
    server: DiscordServer,
) -> None:
    people = [server.person(f"person{number}") for number in range(200)]

    async with DiscordHub(server).connected():
        for number, person in enumerate(people):
            person.dm(f"sleep 0.5\nsay answer {number}")
        async with asyncio.timeout(PATIENCE_SECONDS):
            for person in people:
                await person.hears("answer")

    assert [person.inbox for person in people] == [[f"answer {n}"] for n in range(200)]
    assert server.limits.refused == 0


async def test_a_channels_bucket_delays_and_loses_nothing(server: DiscordServer) -> None:
    server.limits.set_bucket("POST /channels/{channel_id}/messages", 2, 0.3)
    ada = server.person("ada")

    async with DiscordHub(server, settings={"max_parts": 20}).connected():
        ada.dm("words 2500")
        await ada.hears("w2499")

    assert " ".join(ada.inbox).split() == [f"w{number}" for number in range(2500)]


async def test_a_long_wait_asked_for_is_kept(
    server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    """discord.py hands back what is over 30 s; then the outbox waits, and no connection."""
    ada = server.person("ada")
    server.faults.too_many(POST, 31.0)

    async with DiscordHub(server).connected():
        ada.dm("say hello")
        waiting = await server.until(lambda: settled(caplog))

    assert vars(waiting[0])["outcome"] == "SendLater"
    assert "31.0 s" in vars(waiting[0])["error"]
    assert server.log.count(POST) == 1


async def test_streaming_leaves_room_for_the_final_texts(server: DiscordServer) -> None:
    """Discord's 5 edits in 5 s and our 1 in 1.2 s, four times as fast."""
    server.limits.set_bucket("PATCH /channels/{channel_id}/messages/{message_id}", 5, 1.25)
    ada, bob = server.person("ada"), server.person("bob")
    mention = f"<@{server.world.bot.id}>"
    hub = DiscordHub(server, settings={"stream_interval_seconds": 0.3})

    async with hub.connected():
        began = server.settings.clock.now()
        ada.says(server.general, f"{mention} drip 0.03\nwords 60")
        bob.says(server.general, f"{mention} drip 0.03\nwords 60")
        await server.until(lambda: len(complete(server)) == 2)

    drafts = server.log.find("PATCH /channels/*/messages/*")[:-2]
    assert server.limits.refused == 0
    assert len(drafts) > 1
    assert (len(drafts) - 1) * 0.3 <= drafts[-1].at - began


async def test_where_calls_are_scarce_answers_go_before_drafts(server: DiscordServer) -> None:
    people = [server.person(f"person{number}") for number in range(40)]

    async with DiscordHub(server, settings={"requests_per_second": 30.0}).connected():
        began = server.settings.clock.now()
        for person in people:
            person.dm("drip 0.05\nwords 8")
        async with asyncio.timeout(PATIENCE_SECONDS):
            for person in people:
                await person.hears("w7")
        took = server.settings.clock.now() - began

    room = 30 * max(0.0, took - 1.5)  # what a machine leaves over that takes longer to answer
    calls = server.log.count(POST) + server.log.count("PATCH /channels/*/messages/*")
    assert [len(person.inbox) for person in people] == [1] * 40
    assert calls < 60 + room


def settled(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return what the outbox said about its deliveries."""
    return [record for record in caplog.records if record.message == "delivery_settled"]


def complete(server: DiscordServer) -> list[str]:
    """Return the answers in #general that have come to their end."""
    return [text for text in server.said_by_bot(server.general) if text.endswith("w59")]
