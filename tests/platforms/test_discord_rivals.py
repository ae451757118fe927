"""Two deployments with one bot token, each with a database of its own: both say so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease
from gateway.rivals import REMEMBERED, rival_sentence
from tests.contracts.store.words import at
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


async def told_of_discord(hub: DiscordHub) -> tuple[bool, str]:
    """Return what `status` shows of Discord."""
    _, told = await hub.vitals.report()
    channels: Any = told["channels"]
    return channels["discord"]["ready"], channels["discord"]["state"]


async def until_it_tells_of_a_rival(hub: DiscordHub) -> str:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            is_ready, sentence = await told_of_discord(hub)
            if not is_ready:
                return sentence
            await asyncio.sleep(0.02)


async def test_each_of_two_deployments_with_one_token_tells_of_the_other_and_loses_nothing(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    ours, theirs = DiscordHub(server), DiscordHub(server)
    async with ours.running(), theirs.running():
        await server.connected(2)

        ada.dm("say one")
        await server.until(lambda: len(server.said_by_bot(ada.dm_channel)) == 2)
        ada.dm("say two")
        sentences = await asyncio.gather(*map(until_it_tells_of_a_rival, (ours, theirs)))
        await server.until(lambda: len(server.said_by_bot(ada.dm_channel)) == 4)

    assert all("Another deployment answers as this bot" in each for each in sentences)
    assert ours.heard == theirs.heard == ["say one", "say two"]
    assert sorted(server.said_by_bot(ada.dm_channel)) == ["one", "one", "two", "two"]


async def test_a_deployment_alone_takes_no_message_of_its_own_for_anothers(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")
    hub = DiscordHub(server)
    async with hub.connected():
        ada.dm("drip 0.02\nwords 30")
        ada.dm("say end")
        await ada.hears("end")
    async with hub.connected():
        ada.dm("say again")
        await ada.hears("again")
        ada.dm("say heard")  # its lane took in the bot's own messages before it
        await ada.hears("heard")
        is_ready, sentence = await told_of_discord(hub)

    assert is_ready, sentence


def test_a_rival_is_forgotten_when_nothing_was_seen_of_it_for_a_while() -> None:
    lease = Lease(WorkerId("another deployment"), 1, at(0) + REMEMBERED)

    assert "last seen at 09:00 UTC" in (rival_sentence(lease, at(1)) or "")
    assert rival_sentence(lease, at(0) + REMEMBERED + timedelta(seconds=1)) is None
    assert rival_sentence(None, at(0)) is None
