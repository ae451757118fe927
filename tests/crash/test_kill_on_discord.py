"""kill -9 while Discord is being called, or can't be reached: one answer, whole, for everyone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from tests.crash.home import Home
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server import DiscordServer
from tests.platforms.discord_server.faults import Hold
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, Chunk, delta, serving

POST = "POST /channels/*/messages"
EDIT = "PATCH /channels/*/messages/*"
ORIGINAL = "PATCH /webhooks/*/*/messages/@original"

pytestmark = pytest.mark.crash


class SlowModel(ChatEndpoint):
    """Says "One two three." to everything, and takes its time before the second word."""

    think_seconds = 0.0

    async def _stream(self, chunks: list[Chunk]) -> AsyncIterator[bytes]:
        async for data in super()._stream(chunks):
            yield data
            await asyncio.sleep(self.think_seconds)


@pytest.fixture
async def model() -> AsyncGenerator[SlowModel]:
    model = SlowModel()
    words = [delta(content=word) for word in ("One", " two", " three.")]
    model.answers = [words] * 20
    async with serving(model):
        yield model


@pytest.fixture
async def discord() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as discord:
        yield discord


@pytest.fixture
def settings(discord: DiscordServer, model: SlowModel) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": discord.token,
        "POSTERN_DISCORD__API_URL": discord.api_url,
        "POSTERN_DISCORD__GATEWAY_URL": discord.gateway_url,
        "POSTERN_ACCESS__DISCORD": "open",
        "OPENAI_BASE_URL": model.url,
        "OPENAI_API_KEY": "key",
    }


async def reached(hold: Hold) -> None:
    """Wait until Discord has the request in its hands."""
    await asyncio.wait_for(hold.reached.wait(), PATIENCE_SECONDS)


@pytest.mark.parametrize("was_carried_out", [False, True])
async def test_during_a_send(
    home: Home, discord: DiscordServer, settings: dict[str, str], *, was_carried_out: bool
) -> None:
    """What was on its way may still be carried out while the next process is at it."""
    ada = discord.person("ada")
    hold = discord.faults.hold(POST, after=was_carried_out)

    async with home.gateway(settings=settings) as dying:
        await discord.connected()
        ada.dm("Count.")
        await reached(hold)
        dying.kill()
    async with home.gateway(settings=settings):
        await ada.hears("One two three.")
        hold.release()
        await home.until_idle()

    assert ada.inbox == ["One two three."]
    assert discord.said_by_bot(ada.dm_channel) == ["One two three."]


async def test_during_the_final_edit(
    home: Home, discord: DiscordServer, settings: dict[str, str], model: SlowModel
) -> None:
    ada = discord.person("ada")
    model.think_seconds = 0.7
    hold = discord.faults.hold(EDIT)

    async with home.gateway(settings=settings) as dying:
        await discord.connected()
        ada.dm("Count.")
        draft = await ada.hears("One")
        await reached(hold)
        dying.kill()
    hold.release()
    async with home.gateway(settings=settings):
        await ada.hears("One two three.")
        await home.until_idle()

    assert ada.inbox_messages == [draft]
    assert draft.content == "One two three."
    assert len(discord.said_by_bot(ada.dm_channel)) == 1


async def test_between_deferring_and_answering(
    home: Home, discord: DiscordServer, settings: dict[str, str]
) -> None:
    ada = discord.person("ada")
    hold = discord.faults.hold(ORIGINAL)

    async with home.gateway(settings=settings) as dying:
        await discord.connected()
        await discord.until(lambda: discord.commands.registered)
        asked = await ada.slash("ask", text="Count.", channel=discord.general)
        await reached(hold)
        dying.kill()
    hold.release()
    async with home.gateway(settings=settings):
        await discord.until(lambda: asked.texts == ["One two three."])
        await home.until_idle()

    assert discord.said_by_bot(discord.general) == ["One two three."]


async def test_while_disconnected(
    home: Home, discord: DiscordServer, settings: dict[str, str]
) -> None:
    ada = discord.person("ada")

    async with home.gateway(settings=settings) as dying:
        await discord.connected()
        ada.dm("Count.")
        await ada.hears("One two three.")
        await home.until_idle()
        discord.gateway.go_down()
        ada.dm("Count again.")
        dying.kill()
    discord.gateway.forget()
    discord.gateway.come_back()
    async with home.gateway(settings=settings):
        await discord.until(lambda: len(ada.inbox) == 2)
        await home.until_idle()

    assert ada.inbox == ["One two three."] * 2
