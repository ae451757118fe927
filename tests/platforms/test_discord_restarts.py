"""Postern dies at any moment of a reply: after the restart everything is there, once."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from gateway.domain.messages import InboundMessage
from gateway.freshness import Freshness
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_hub import AdvancingClock, DiscordHub
from tests.platforms.discord_server import DiscordServer, ServerSettings

POST = "POST /channels/*/messages"
EDIT = "PATCH /channels/*/messages/*"
WORDS = " ".join(f"w{number}" for number in range(30))


@pytest.fixture
def clock() -> AdvancingClock:
    return AdvancingClock()


@pytest.fixture
async def server(clock: AdvancingClock) -> AsyncGenerator[DiscordServer]:
    async with DiscordServer(ServerSettings(clock=clock)) as server:
        yield server


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [POST, EDIT])
async def test_killed_within_a_call(
    server: DiscordServer, call: str, *, is_carried_out: bool
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    hold = server.faults.hold(call, after=is_carried_out)

    async with hub.connected():
        ada.dm("drip 0.02\nwords 30")
        await hold.reached.wait()
    if call == EDIT:
        # Discord can't know which of two edits is the newer one, only which came last.
        hold.release()
        await server.until(lambda: server.log.find(call)[0].carried_out)
    async with hub.connected():
        hold.release()
        await ada.hears(WORDS)
        ada.dm("say next")
        await ada.hears("next")

    assert ada.inbox == [WORDS, "next"]
    assert server.said_by_bot(ada.dm_channel) == [WORDS, "next"]


async def test_killed_while_it_posts_what_is_late(
    server: DiscordServer, clock: AdvancingClock
) -> None:
    """History shows no nonces: the post is known by its text, with the remark below it."""
    ada = server.person("ada")
    hub = DiscordHub(server, freshness=Freshness(late=timedelta(microseconds=1)))
    hold = server.faults.hold(POST, after=True)

    async with hub.connected():
        ada.dm("say hello")
        await hold.reached.wait()
    clock.ahead += 600
    async with hub.connected():
        hold.release()
        ada.dm("say next")
        await server.until(lambda: len(ada.inbox) == 2)

    first, second = ada.inbox
    assert first.startswith("hello\n\n*(sent late: this was ready on ")
    assert second.startswith("next")


async def test_killed_between_two_drafts(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("drip 0.02\nwords 30")
        await ada.hears("w3")
    async with hub.connected():
        await ada.hears(WORDS)

    assert server.said_by_bot(ada.dm_channel) == [WORDS]


async def test_killed_while_disconnected(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("sleep 0.2\nsay hello")
        await hub.has_heard(1)
        server.gateway.go_down()
        await server.until(lambda: not hub.adapter.health().is_ready)
        ada.dm("say again")
    server.gateway.come_back()
    async with hub.connected():
        await ada.hears("again")

    assert ada.inbox == ["hello", "again"]


async def test_killed_many_times(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    said = [f"say answer {number}" for number in range(10)]

    async with hub.connected():
        ada.dm("say hello")
        await ada.hears("hello")
    for text in said:
        async with hub.connected():
            ada.dm(text)
    async with hub.connected():
        await ada.hears("answer 9")

    assert hub.heard == ["say hello", *said]
    assert server.said_by_bot(ada.dm_channel) == ada.inbox
    assert len(ada.inbox) == len(set(ada.inbox))


async def test_a_lost_reply_is_found_in_history_when_the_nonce_is_forgotten(
    server: DiscordServer, clock: AdvancingClock
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"stream_hold_seconds": 60.0})
    hold = server.faults.hold(POST, after=True)

    async with hub.connected():
        ada.dm("say hello")
        await hold.reached.wait()
    clock.ahead += 3_600
    async with hub.connected():
        hold.release()
        ada.dm("say next")
        await ada.hears("next")

    assert server.said_by_bot(ada.dm_channel) == ["hello", "next"]


async def test_what_history_does_not_show_is_posted_when_the_nonce_is_forgotten(
    server: DiscordServer, clock: AdvancingClock
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"stream_hold_seconds": 60.0})
    hold = server.faults.hold(POST)

    async with hub.connected():
        ada.dm("say hello")
        await hold.reached.wait()
    clock.ahead += 1_800
    async with hub.connected():
        shown = await ada.hears("hello")
    hold.release()

    assert shown.content == "hello"


async def test_it_ends_at_whatever_moment_of_connecting_it_is_told_to(
    server: DiscordServer,
) -> None:
    hub = DiscordHub(server)

    async def hear(message: InboundMessage) -> None:
        """Nobody writes."""

    for steps in range(80):
        running = asyncio.create_task(hub.new_adapter().run(hear))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()

        ended, _ = await asyncio.wait([running], timeout=PATIENCE_SECONDS)

        assert ended, f"It went on when it was told to end after {steps} steps."
        for thread in [each for each in threading.enumerate() if each.name.startswith("keep-al")]:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), f"Its heart went on after {steps} steps."


async def test_the_first_answer_of_a_new_database_is_not_taken_for_that_of_the_old_one(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected():
        ada.dm("say before")
        await ada.hears("before")
    async with DiscordHub(server).connected():
        ada.dm("say after")
        await ada.hears("after")

    assert server.said_by_bot(ada.dm_channel) == ["before", "after"]
