"""What people can ask for by command, on the whole gateway with a real Letta server behind it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from letta_client import NotFoundError

from agents.letta import LettaOptions
from agents.letta.client import make_client
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server.state import Upload
from tests.platforms.test_three_doors import House, bindings, house
from tests.unit.agents.letta.servers import OTHER_MODEL

pytestmark = [pytest.mark.letta_real, pytest.mark.timeout(180)]

_SETTINGS = {
    "base_url": os.environ.get("POSTERN_TEST_LETTA_URL"),
    "api_key": os.environ.get("POSTERN_TEST_LETTA_KEY"),
    "model": os.environ.get("POSTERN_TEST_LETTA_MODEL"),
    "embedding": os.environ.get("POSTERN_TEST_LETTA_EMBEDDING"),
    "models": [OTHER_MODEL, "openai-proxy/not-there"],
}
_HERE = LettaOptions(
    base_url=os.environ["POSTERN_TEST_LETTA_URL"],
    api_key=os.environ.get("POSTERN_TEST_LETTA_KEY", ""),
)
GUIDE = b"The harbour of Atlantis opens at nine.\n"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncGenerator[House]:
    lines = [f"{name} = {json.dumps(value)}" for name, value in _SETTINGS.items() if value]
    async with house(tmp_path, "\n".join(["[letta]", *lines])) as home:
        yield home


async def test_a_model_is_chosen_and_one_that_is_not_there_is_left_again(home: House) -> None:
    await home.on_discord("say hello")

    own = await home.on_discord("/model")
    await home.on_discord(f"/model {OTHER_MODEL}")
    by_other = await home.on_discord("say other")
    await home.on_discord("/model not-there")
    by_none = await home.on_discord("say nothing")
    await home.on_discord("/model default")

    assert f"**{_SETTINGS['model']}** thinks for you here" in own
    assert by_other == "other"
    assert "`/model` may choose another" in by_none
    assert await home.on_discord("say well") == "well"


async def test_what_is_put_away_is_found_by_person_and_agent(home: House) -> None:
    await home.on_discord("say hello")

    await home.on_discord("/archival add The tower stands in Paris.")
    again = await home.on_discord("/archival add The tower stands in Paris.")
    by_agent = await home.on_discord('call archival_memory_search {"query": "tower"}')

    assert again == "Your agent has just this put away already."
    assert "stands in Paris" in await home.on_discord("/archival tower")
    assert "stands in Paris" in by_agent


async def test_a_file_is_read_and_searched_and_taken_away(home: House) -> None:
    ada = home.discord.person("ada")
    ada.dm("say seen", files=[Upload("guide.md", GUIDE, "text/markdown")])
    await home.discord.until(lambda: home.discord.said_by_bot(ada.dm_channel))

    await home.on_discord("/files add guide.md")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "still being read" in (listed := await home.on_discord("/files")):  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.2)
    found = await home.on_discord('call semantic_search_files {"query": "Atlantis harbour"}')
    removed = await home.on_discord("/files remove guide.md")

    assert f"`guide.md` ({len(GUIDE)} bytes): ready" in listed
    assert "opens at nine" in found
    assert removed == "Your agent looks nothing up in `guide.md` any more."
    assert "looks nothing up in files yet" in await home.on_discord("/files")


async def test_one_goes_back_to_a_conversation_and_asks_again(home: House) -> None:
    await home.on_discord("say first")
    await home.on_discord("/new")
    await home.on_discord("say second")

    listed = await home.on_discord("/sessions")
    back = await home.on_discord("/sessions 1")
    third = await home.on_discord("say third")
    again = await home.on_discord("/retry")

    assert "say first" in listed
    assert "(this one)" in listed
    assert back == "You are back in conversation 1: your agent knows what was said there."
    assert (third, again) == ("third", "**Again:** third")


async def test_nothing_stays_on_letta_of_who_is_forgotten(home: House) -> None:
    await home.on_discord("say hello")
    await home.on_discord("/archival add a secret")
    (agent,) = [each.agent_id for each in await bindings(home.settings)]
    assert agent is not None
    async with make_client(_HERE) as letta:
        archives = [each.id async for each in letta.archives.list(agent_id=agent)]

        await home.on_discord("/forget everything")

        assert len(archives) == 1
        for gone in (letta.agents.retrieve(agent), letta.archives.retrieve(archives[0])):
            with pytest.raises(NotFoundError):
                await gone
