"""Everything of one person as a file: at every door it is seen by that person alone."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import httpx

from tests.platforms.discord_server.records import Message
from tests.platforms.test_discord_files import sent
from tests.platforms.test_three_doors import House, house

SECRET = "my word is canary"


def said_in(data: bytes) -> list[str]:
    """Return the texts of all messages in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        lines = archive.read("messages.jsonl").splitlines()
        assert archive.testzip() is None
        assert json.loads(archive.read("export.json"))["agents"][0]["memory"]["persona"]
    return [json.loads(line)["text"] for line in lines]


async def test_an_export_is_shown_at_every_door_to_its_person_alone(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        by_discord = await on_discord(home)
        by_slack = await on_slack(home)
        by_web = await on_the_web(home)

    for data, door in ((by_discord, "discord"), (by_slack, "slack"), (by_web, "web")):
        texts = said_in(data)
        assert f"{SECRET} {door}" in texts
        assert sum(SECRET in text for text in texts if text.startswith("my word")) == 1


async def on_discord(home: House) -> bytes:
    """Ask for it in a channel, where it is shown to its person alone."""
    server, ada, bob = home.discord, home.discord.person("ada"), home.discord.person("bob")

    def given() -> list[Message]:
        return server.messages(server.general, to=ada.user)

    await home.on_discord(f"{SECRET} discord")
    await server.until(lambda: server.commands.registered)
    await ada.slash("export", channel=server.general)
    await server.until(lambda: any(sent(each) for each in given()))
    ((_, data),) = [file for each in given() for file in sent(each)]
    assert ada.sees(server.general)
    assert bob.sees(server.general) == []
    return data


async def on_slack(home: House) -> bytes:
    """Ask for it in a channel; a file for one person comes to their direct messages."""
    slack, ada = home.slack, home.slack.person("ada")
    await home.on_slack(f"{SECRET} slack")
    general = slack.channel("general")
    await ada.slash("/postern", "export", general)
    place = ada.dm_channel
    await slack.until(lambda: any(m.files for m in place.messages.values()))
    (file,) = [file for m in place.messages.values() for file in m.files]
    assert slack.visible(general) == []
    data = slack.workspace().files[file].data
    assert data is not None
    return data


async def on_the_web(home: House) -> bytes:
    await home.on_the_web(f"{SECRET} web")
    await home.on_the_web("/export")
    history = (await home.web.get("/history/postern")).raise_for_status().json()
    (file,) = history["messages"][-1]["files"]
    fetched = await home.web.get(f"/{file['url']}")
    async with httpx.AsyncClient(base_url=home.web.base_url) as stranger:
        await stranger.get("/")
        assert (await stranger.get(f"/{file['url']}")).status_code == 404
    return fetched.raise_for_status().content
