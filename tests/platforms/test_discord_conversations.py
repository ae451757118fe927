"""People talk to the hub on Discord, through the real discord.py client."""

from collections.abc import AsyncGenerator

import pytest

from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


async def test_a_dm_is_answered(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected():
        ada.dm("say hello")
        await ada.hears("hello")

    assert ada.sees() == ["say hello", "hello"]
