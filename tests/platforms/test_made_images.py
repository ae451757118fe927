"""A picture that an agent makes is seen at every door by its person, and by nobody else.

The whole gateway as `postern up` makes it; the agents do as they are told (`call NAME {…}`).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from tests.fakes.image_server import KEY, ImageServer, image_server, painting
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.test_three_doors import House, house

FOX = 'call make_image {"description": "A red fox."}'
SETTINGS = """
[image_generation]
base_url = "{url}"
api_key = "{key}"
per_day = 2
"""


@pytest.fixture
async def painter() -> AsyncGenerator[ImageServer]:
    async with image_server() as server:
        yield server


def settings(painter: ImageServer) -> str:
    return SETTINGS.format(url=painter.url, key=KEY)


async def test_a_picture_is_sent_at_every_door(tmp_path: Path, painter: ImageServer) -> None:
    async with house(tmp_path, settings(painter)) as home:
        said = [await home.on_discord(FOX), await home.on_slack(FOX), await home.on_the_web(FOX)]

        page = await _of_the_page(home)

        seen = [(file.filename, file.data) for file in home.discord.world.attachments.values()]
        seen += [(file.name, file.data or b"") for file in home.slack.workspace().files.values()]
        seen.append((page["name"], (await home.web.get(page["url"])).content))
    assert all("kept as images/a-red-fox-" in text for text in said), said
    assert [data for _, data in seen] == [painting("A red fox.")] * 3
    assert all(re.match(r"a-red-fox-[0-9a-f]{8}\b.*\.png$", name) for name, _ in seen), seen
    assert [asked["size"] for asked in painter.painted] == ["1024x1024"] * 3


async def test_nobody_else_gets_it_and_each_has_so_many_a_day(
    tmp_path: Path, painter: ImageServer
) -> None:
    async with house(tmp_path, settings(painter)) as home:
        made = await home.on_the_web(FOX)
        page = await _of_the_page(home)
        name = re.findall(r"images/[a-z0-9-]+\.png", made)[0]
        async with httpx.AsyncClient(base_url=home.web.base_url, timeout=PATIENCE_SECONDS) as bob:
            (await bob.get("/")).raise_for_status()
            stolen = await bob.get(page["url"])
            asked = {"agent_id": "postern", "message": f'call attach_file {{"name": "{name}"}}'}
            told = (await bob.post("/chat", json=asked)).raise_for_status().text
        async with httpx.AsyncClient(base_url=home.web.base_url) as stranger:
            refused = await stranger.get(page["url"])
        by_discord = await home.on_discord(f'call read_file {{"name": "{name}"}}')
        mine = await home.web.get(page["url"])
        more = [await home.on_the_web(FOX) for _ in range(2)]

    assert stolen.status_code == 404
    assert refused.status_code == 404
    assert "There is no file" in told
    assert "There is no file" in by_discord
    assert mine.content == painting("A red fox.")
    assert ["all of today's are made" in each for each in more] == [False, True]


async def _of_the_page(home: House) -> dict[str, str]:
    """Return the file that the page shows with the newest answer."""
    history = (await home.web.get("/history/postern")).raise_for_status().json()
    found = [file for message in history["messages"] for file in message.get("files", ())]
    return found[-1]
