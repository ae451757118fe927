"""The manifest asks for what the bot uses: no less, no more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.discord.client import GatewayClient
from adapters.discord.manifest import Permission, discord_manifest, permissions_for
from adapters.discord.options import DiscordOptions, ReactionPolicy

URL = "https://chat.example.com"


@dataclass(frozen=True)
class Choices:
    """Settings as far as the manifest looks at them."""

    application_id: str | None = "1234"
    gateway: bool = True
    public_key: str | None = None
    message_content: bool = True
    threads_on_mention: bool = False


def test_the_link_invites_the_bot_with_its_commands_and_permissions() -> None:
    link = str(discord_manifest(Choices(), None).document["invite_url"])
    asked = parse_qs(urlsplit(link).query)

    assert link.startswith("https://discord.com/oauth2/authorize?")
    assert asked["client_id"] == ["1234"]
    assert asked["scope"] == ["bot applications.commands"]
    assert asked["permissions"] == [str(permissions_for(Choices()).value)]


def test_the_permissions_are_those_that_are_named_and_no_others() -> None:
    document = discord_manifest(Choices(), None).document

    # Bits 10, 11, 14, 15, 16 and 38 of the table in Discord's reference.
    assert document["permissions"] == "274878024704"
    assert document["permission_names"] == [
        "View Channels",
        "Send Messages",
        "Embed Links",
        "Attach Files",
        "Read Message History",
        "Send Messages in Threads",
    ]


def test_threads_of_its_own_need_one_permission_more() -> None:
    more = permissions_for(Choices(threads_on_mention=True)) & ~permissions_for(Choices())

    assert more == Permission.CREATE_PUBLIC_THREADS


def test_the_page_on_discord_names_every_permission() -> None:
    page = (Path(__file__).parents[4] / "docs" / "discord.md").read_text(encoding="utf-8")
    asked = permissions_for(Choices(threads_on_mention=True))
    names = [str(one.name).replace("_", " ").casefold() for one in asked]

    assert len(names) == 7
    assert [name for name in names if name not in " ".join(page.casefold().split())] == []


def test_without_an_application_id_there_is_no_link_but_a_word_on_how_to_get_it() -> None:
    manifest = discord_manifest(Choices(application_id=None), None)

    assert manifest.document["invite_url"] is None
    assert "DISCORD_APPLICATION_ID" in manifest.steps[-1]


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("reactions", list(ReactionPolicy))
async def test_the_portal_is_asked_for_the_privileged_intents_of_the_client(
    content: bool, reactions: ReactionPolicy
) -> None:
    async def nothing_yet() -> list[object]:
        return []

    options = DiscordOptions("", nothing_yet, reactions=reactions)  # pyright: ignore[reportArgumentType] - an empty list
    intents = GatewayClient(options, lambda _name, _data: None, wants_content=content).intents
    named = discord_manifest(Choices(message_content=content), None).document["privileged_intents"]

    assert not intents.members
    assert not intents.presences
    assert named == (["Message Content Intent"] if intents.message_content else [])


def test_interactions_by_http_have_their_address() -> None:
    manifest = discord_manifest(Choices(public_key="ab"), URL)

    assert manifest.document["interactions_endpoint_url"] == f"{URL}/discord/interactions"
    assert any(f"{URL}/discord/interactions" in step for step in manifest.steps)


def test_without_a_gateway_the_steps_say_that_an_address_is_needed() -> None:
    choices = replace(Choices(), gateway=False)

    steps = discord_manifest(choices, None).steps

    assert any("http.public_url" in step for step in steps)
    assert discord_manifest(choices, None).document["privileged_intents"] == []
