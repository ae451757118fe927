"""What can be said of MCP servers elsewhere, and how their tokens are kept out of sight."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.bootstrap.minds import opened_mind
from gateway.clock import SystemClock
from gateway.errors import SettingsWrong
from gateway.settings import Settings, load_settings
from gateway.settings.explained import as_toml, explain
from storage.artifacts import MemoryArtifacts
from storage.memory import MemoryStore

WIKI = """
[[mcp_servers]]
name = "wiki"
url = "http://10.0.0.7:9000/mcp/"
token = "a-token-of-the-wiki"
"""


def _load(folder: Path, text: str) -> Settings:
    file = folder / "postern.toml"
    file.write_text(text)
    return load_settings({"POSTERN_DATA_DIR": str(folder)}, file)


def test_an_address_is_kept_as_it_stands_and_the_token_goes_where_it_is_said(
    tmp_path: Path,
) -> None:
    [usual] = _load(tmp_path, WIKI).mcp_servers
    [own] = _load(tmp_path, f'{WIKI}token_header = "X-API-Key"\n').mcp_servers

    assert usual.url == "http://10.0.0.7:9000/mcp/"
    assert usual.headers == {"Authorization": "Bearer a-token-of-the-wiki"}
    assert own.headers == {"X-API-Key": "a-token-of-the-wiki"}


def test_the_token_is_a_secret(tmp_path: Path) -> None:
    settings = _load(tmp_path, WIKI)

    shown = as_toml(settings) + "".join(each.value or "" for each in explain(settings))
    assert "a-token-of-the-wiki" not in shown + repr(settings)
    assert "a-token-of-the-wiki" in settings.secrets()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('name = "Wiki"', "mcp_servers[0].name"),
        ('name = "my_wiki"', "mcp_servers[0].name"),
        ('url = "ftp://wiki"', "mcp_servers[0].url"),
        ('url = "http://ada:pw@wiki/mcp"', "without a name and a password"),
        ('token_header = "X Key: 1"', "mcp_servers[0].token_header"),
        ("longest_result = 1000000", "mcp_servers[0].longest_result"),
    ],
)
def test_what_can_not_be_is_one_sentence(tmp_path: Path, line: str, said: str) -> None:
    key = line.partition(" ")[0]
    kept = [each for each in WIKI.splitlines() if not each.startswith(f"{key} ")]

    with pytest.raises(SettingsWrong) as caught:
        _load(tmp_path, "\n".join([*kept, line]))

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_servers_can_not_share_a_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match=r'Two \[\[mcp_servers\]\] are called "wiki"'):
        _load(tmp_path, WIKI + WIKI)


@pytest.mark.parametrize(
    ("named", "is_fine"),
    [("mcp_wiki_find", True), ("mcp_wiki_*", True), ("mcp_blog_find", False), ("*", False)],
)
async def test_only_tools_of_known_servers_may_be_named_before_they_are_seen(
    tmp_path: Path, named: str, *, is_fine: bool
) -> None:
    text = WIKI.replace("10.0.0.7:9000", "127.0.0.1:9") + f'[approvals]\ntools = ["{named}"]\n'
    settings, clock = _load(tmp_path, text), SystemClock()

    async def start() -> None:
        async with opened_mind(settings, MemoryStore(), MemoryArtifacts(clock), clock):
            await asyncio.sleep(0)

    if is_fine:
        await start()
    else:
        with pytest.raises(SettingsWrong, match=r"There is only .*mcp_wiki_\*"):
            await start()
