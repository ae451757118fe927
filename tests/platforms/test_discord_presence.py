"""The bot's presence says when agents can't be reached, and when they are back."""

from collections.abc import AsyncGenerator

import pytest

from adapters.discord.presence import AWAY
from gateway.ports import Health
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import DiscordServer


class Outlook:
    """What the adapter is told of the agents."""

    def __init__(self) -> None:
        self.is_ready = True
        self.asked = 0

    async def health(self) -> Health:
        """Say how they are."""
        self.asked += 1
        return Health(is_ready=self.is_ready, sentence="Letta at http://10.0.0.7 is away.")


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture
def outlook() -> Outlook:
    return Outlook()


@pytest.fixture
async def hub(server: DiscordServer, outlook: Outlook) -> AsyncGenerator[DiscordHub]:
    settings: dict[str, object] = {"agents_health": outlook.health, "health_seconds": 0.02}
    async with DiscordHub(server, settings=settings).connected() as hub:
        yield hub


def shown(server: DiscordServer) -> list[str]:
    """Return the statuses that the live session was given, in order."""
    return [presence["status"] for presence in server.gateway.live[0].presences]


async def test_agents_that_are_away_are_seen_and_that_they_are_back(
    server: DiscordServer, hub: DiscordHub, outlook: Outlook
) -> None:
    await server.until(lambda: outlook.asked > 3)
    before = shown(server)
    outlook.is_ready = False
    await server.until(lambda: shown(server) == ["idle"])
    asked = outlook.asked
    await server.until(lambda: outlook.asked > asked + 3)
    outlook.is_ready = True
    await server.until(lambda: shown(server) == ["idle", "online"])

    assert before == []
    away = server.gateway.live[0].presences[0]["activities"][0]
    assert away["state"] == AWAY
    assert "10.0.0.7" not in str(away)


async def test_a_new_session_shows_it_again(
    server: DiscordServer, hub: DiscordHub, outlook: Outlook
) -> None:
    outlook.is_ready = False
    await server.until(lambda: shown(server) == ["idle"])

    server.gateway.invalidate()
    await server.until(lambda: server.gateway.identifies == 2 and server.gateway.live)

    await server.until(lambda: shown(server) == ["idle"])
