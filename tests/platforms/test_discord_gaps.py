"""Never deaf: what was said while nobody listened is heard afterwards, once and in order."""

from collections.abc import AsyncGenerator

import pytest

from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer, ServerSettings

HISTORY = "GET /channels/*/messages"


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


async def test_what_was_said_while_postern_was_down_is_answered(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say before")
        await ada.hears("before")
    for number in range(120):
        ada.dm(f"gap {number}")
    async with hub.connected():
        ada.dm("say after")
        await ada.hears("after")

    gap = [f"gap {number}" for number in range(120)]
    assert hub.heard == ["say before", *gap, "say after"]


async def test_live_messages_wait_behind_the_backfill(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say before")
        await ada.hears("before")
    ada.dm("say missed")
    hold = server.faults.hold(HISTORY)
    async with hub.connected():
        await hold.reached.wait()
        ada.dm("say live")
        other = server.person("bob")
        other.dm("say at once")
        await other.hears("at once")
        hold.release()
        await ada.hears("live")

    assert [text for text in hub.heard if text != "say at once"] == [
        "say before",
        "say missed",
        "say live",
    ]


async def test_live_messages_wait_until_it_is_known_what_was_missed(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        await server.until(lambda: server.commands.registered)
        ada.dm("say before")
        await ada.hears("before")
    ada.dm("say missed")
    hub.knows_marks.clear()
    async with hub.connected():
        ada.dm("say live")
        passing = await ada.slash("status", channel=server.general)
        await server.until(lambda: passing.is_answered)
        hub.knows_marks.set()
        await ada.hears("live")

    assert hub.heard == ["say before", "status", "say missed", "say live"]


async def test_a_death_within_the_backfill_loses_nothing(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say before")
        await ada.hears("before")
    ada.dm("say missed")
    hold = server.faults.hold(HISTORY)
    async with hub.connected():
        await hold.reached.wait()
        ada.dm("say live")
    hold.release()
    async with hub.connected():
        await ada.hears("live")

    assert hub.heard == ["say before", "say missed", "say live"]


@pytest.mark.parametrize("trouble", ["cut", "503", "429"])
async def test_a_backfill_goes_on_through_trouble(server: DiscordServer, trouble: str) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say before")
        await ada.hears("before")
    ada.dm("say missed")
    made = {
        "cut": lambda: server.faults.cut(HISTORY, times=3),
        "503": lambda: server.faults.fail(HISTORY, 503, times=3),
        "429": lambda: server.faults.too_many(HISTORY, 0.1),
    }[trouble]()
    async with hub.connected():
        await ada.hears("missed")

    assert made.hits > 0
    assert ada.inbox == ["before", "missed"]


async def test_an_invalid_session_within_one_life_is_filled_too(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say before")
        await ada.hears("before")
        server.gateway.drop("MESSAGE_CREATE")
        ada.dm("say missed")
        server.gateway.invalidate()
        await server.until(lambda: server.gateway.identifies == 2)
        ada.dm("say after")
        await ada.hears("after")

    assert hub.heard == ["say before", "say missed", "say after"]


async def test_a_resumed_session_needs_no_backfill(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)

    async with hub.connected():
        ada.dm("say before")
        await ada.hears("before")
        asked = server.log.count(HISTORY)
        server.gateway.go_down()
        ada.dm("say meanwhile")
        server.gateway.come_back()
        await ada.hears("meanwhile")

        assert server.log.count(HISTORY) == asked


async def test_followed_threads_are_backfilled_and_other_talk_is_not_heard(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    mention = f"<@{server.world.bot.id}>"
    hub = DiscordHub(server, settings={"threads_on_mention": True})

    async with hub.connected():
        asked = ada.says(server.general, f"{mention} say hello")
        await server.until(lambda: asked.thread_id)
        thread = server.world.channels[asked.thread_id or 0]
        await server.until(lambda: server.said_by_bot(thread))
    ada.says(thread, "say more")
    ada.says(server.general, "not for you")
    missed = ada.says(server.general, f"{mention} say missed")
    async with hub.connected():
        await server.until(lambda: len(server.said_by_bot(thread)) == 2)
        await server.until(lambda: missed.thread_id)

    assert sorted(hub.heard) == ["say hello", "say missed", "say more"]


async def test_nothing_is_lost_while_the_store_is_away(server: DiscordServer) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server, settings={"waiting_limit": 3})

    async with hub.connected():
        ada.dm("say before")
        await ada.hears("before")
        hub.is_store_down = True
        for number in range(10):
            ada.dm(f"say {number}")
        await server.until(lambda: server.gateway.delivered["MESSAGE_CREATE"] > 11)
        hub.is_store_down = False
        await ada.hears("9")

    assert server.log.count(HISTORY) > 0
    assert hub.heard == ["say before", *(f"say {number}" for number in range(10))]


async def test_two_shards_hear_and_backfill_their_own() -> None:
    async with DiscordServer(ServerSettings(shards=2)) as server:
        annex = server.guild("annex", shard=1)
        hall = server.channel("hall", annex)
        ada = server.person("ada")
        mention = f"<@{server.world.bot.id}>"
        hub = DiscordHub(server)

        async with hub.running():
            await server.connected(2)
            ada.dm("say direct")
            ada.says(hall, f"{mention} say hello")
            await ada.hears("direct")
            await server.until(lambda: server.said_by_bot(hall))
        ada.dm("say direct again")
        ada.says(hall, f"{mention} say hello again")
        async with hub.running():
            await ada.hears("direct again")
            await server.until(lambda: len(server.said_by_bot(hall)) == 2)
            await server.connected(2)

            assert hub.adapter.health().is_ready


async def test_a_silent_gateway_is_not_called_ready(server: DiscordServer) -> None:
    hub = DiscordHub(server)

    async with hub.connected():
        await server.until(lambda: hub.adapter.health().is_ready)
        server.gateway.go_down()
        await server.until(lambda: not hub.adapter.health().is_ready)
        server.gateway.come_back()
        await server.until(lambda: hub.adapter.health().is_ready)
