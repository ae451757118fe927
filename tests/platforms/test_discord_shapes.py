"""The Discord for tests answers in the shapes of Discord's own OpenAPI description.

Needs `discord/openapi.json` below the folder in POSTERN_SPEC_DIR; skipped without it.
"""

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.discord import modals
from adapters.discord.buttons import Buttons
from adapters.discord.commands import completion, registration
from adapters.discord.interactions import refusal
from adapters.discord.outbound import content_of
from adapters.discord.payloads import InteractionData, Option
from gateway.commands import SPECS
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.deliveries import Button, ButtonStyle
from tests.platforms.discord_server import DiscordServer, Message, ServerSettings
from tests.platforms.discord_server.openapi import Description
from tests.platforms.discord_server.wire import Json

_FOLDER = os.environ.get("POSTERN_SPEC_DIR")

pytestmark = pytest.mark.skipif(
    _FOLDER is None, reason="POSTERN_SPEC_DIR is not set: Discord's description is not at hand"
)


@pytest.fixture(scope="module")
def description() -> Description:
    return Description(Path(_FOLDER or "") / "discord" / "openapi.json")


@dataclass
class Probe:
    """A server with something of every kind in it, and a REST session."""

    server: DiscordServer
    session: aiohttp.ClientSession
    ids: dict[str, str] = field(default_factory=dict[str, str])

    # Any: JSON of every kind is asked about.
    async def ask(self, method: str, template: str, body: Json | None) -> tuple[int, Any]:
        address = template.format(**self.ids).removeprefix("/")
        async with self.session.request(method, address, json=body) as response:
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else None


@pytest.fixture
async def probe() -> AsyncGenerator[Probe]:
    async with DiscordServer(ServerSettings()) as server:
        headers = {"Authorization": f"Bot {server.token}"}
        base = server.api_url + "/"
        async with aiohttp.ClientSession(base_url=base, headers=headers) as session:
            found = Probe(server, session)
            await furnish(found)
            yield found


async def furnish(probe: Probe) -> None:
    """Put a DM, a button, a reaction, a command and an open interaction into the world."""
    server, ids = probe.server, probe.ids
    ada = server.person("ada")
    asked = ada.says(server.general, f"hi <@{server.world.bot.id}>")
    ada.reacts(asked, "👍")
    ids |= {"application_id": str(server.world.application_id), "user_id": str(ada.id)}
    ids |= {"channel_id": str(server.general.id), "message_id": str(asked.id)}
    ids |= {"guild_id": str(server.house.id), "emoji_name": "👍", "dm": str(ada.dm_channel.id)}
    ids["command_id"] = server.commands.add("ask", _TEXT_OPTION)["id"]
    used = await ada.slash("ask", channel=server.general, text="why")
    ids |= {"interaction_id": str(used.id), "interaction_token": used.token}
    ids["own"] = str((await own_message(probe)).id)


async def own_message(probe: Probe) -> Message:
    _, body = await probe.ask("POST", "/channels/{channel_id}/messages", _RICH)
    return probe.server.world.messages[int(body["id"])]


_TEXT_OPTION: Json = {"type": 3, "name": "text", "description": "What", "required": True}
_RICH: Json = {
    "content": "rich",
    "nonce": "n1",
    "enforce_nonce": True,
    "embeds": [{"title": "t", "description": "d", "fields": [{"name": "a", "value": "b"}]}],
    "components": [
        {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    ],
}
_MESSAGE = "/channels/{channel_id}/messages/{message_id}"
_COMMANDS = "/applications/{application_id}/commands"
_CASES: list[tuple[str, str, Json | None]] = [
    ("GET", "/users/@me", None),
    ("GET", "/users/{user_id}", None),
    ("POST", "/users/@me/channels", {"recipient_id": "{user_id}"}),
    ("GET", "/gateway/bot", None),
    ("GET", "/applications/@me", None),
    ("GET", "/guilds/{guild_id}", None),
    ("GET", "/guilds/{guild_id}/channels", None),
    ("GET", "/guilds/{guild_id}/members/{user_id}", None),
    ("GET", "/channels/{channel_id}", None),
    ("POST", "/channels/{channel_id}/typing", None),
    ("GET", "/channels/{channel_id}/messages", None),
    ("POST", "/channels/{channel_id}/messages", {"content": "x", "nonce": "n2"}),
    ("POST", "/channels/{channel_id}/messages", {"content": "x" * 2001}),
    ("POST", "/channels/{channel_id}/messages", _RICH),
    ("GET", _MESSAGE, None),
    ("GET", f"{_MESSAGE}/reactions/{{emoji_name}}", None),
    ("PATCH", _MESSAGE, {"content": "not the bot's"}),
    ("POST", f"{_MESSAGE}/threads", {"name": "talk"}),
    ("POST", "/channels/{channel_id}/threads", {"name": "talk", "type": 11}),
    ("POST", "/channels/{channel_id}/webhooks", {"name": "relay"}),
    ("GET", _COMMANDS, None),
    ("GET", f"{_COMMANDS}/{{command_id}}", None),
    ("POST", _COMMANDS, {"name": "more", "description": "More"}),
    ("PATCH", f"{_COMMANDS}/{{command_id}}", {"description": "Else"}),
    ("DELETE", f"{_COMMANDS}/{{command_id}}", None),
]


@pytest.mark.parametrize(("method", "template", "body"), _CASES)
async def test_every_answer_fits_the_description(
    description: Description, probe: Probe, method: str, template: str, body: Json | None
) -> None:
    if body and "recipient_id" in body:
        body = {"recipient_id": probe.ids["user_id"]}

    status, answer = await probe.ask(method, template, body)
    if status == 400:
        # The description wants numbers as codes of fields; the reference shows words.
        del answer["errors"]

    assert description.complaints(method, template, status, answer) == []
    assert status < 400 or "code" in answer


async def test_an_edit_and_a_reply_fit_the_description(
    description: Description, probe: Probe
) -> None:
    probe.ids["message_id"] = probe.ids["own"]
    reference = {"message_id": probe.ids["own"], "channel_id": int(probe.ids["channel_id"])}
    reply: Json = {"content": "re", "message_reference": reference}

    edited = await probe.ask("PATCH", _MESSAGE, {"content": "new"})
    replied = await probe.ask("POST", "/channels/{channel_id}/messages", reply)

    assert description.complaints("PATCH", _MESSAGE, *edited) == []
    assert description.complaints("POST", "/channels/{channel_id}/messages", *replied) == []
    assert edited[0] == replied[0] == 200


async def test_a_voice_message_fits_the_description(description: Description, probe: Probe) -> None:
    said = probe.server.person("bob").speaks(b"OggS", probe.server.general)
    probe.ids["message_id"] = str(said.id)

    status, answer = await probe.ask("GET", _MESSAGE, None)

    assert description.complaints("GET", _MESSAGE, status, answer) == []
    assert (answer["flags"], answer["content"]) == (1 << 13, "")
    assert answer["attachments"][0]["duration_secs"] > 0


async def test_an_interactions_life_fits_the_description(
    description: Description, probe: Probe
) -> None:
    probe.ids |= {"webhook_id": probe.ids["application_id"]}
    probe.ids |= {"webhook_token": probe.ids["interaction_token"]}
    callback = "/interactions/{interaction_id}/{interaction_token}/callback"
    hook = "/webhooks/{webhook_id}/{webhook_token}"
    original = f"{hook}/messages/@original"

    answered = await probe.ask("POST", callback + "?with_response=1", {"type": 5})
    filled = await probe.ask("POST", hook + "?wait=true", {"content": "answer"})
    edited = await probe.ask("PATCH", original, {"content": "better"})
    read = await probe.ask("GET", original, None)
    deleted = await probe.ask("DELETE", original, None)

    assert description.complaints("POST", callback, *answered) == []
    assert description.complaints("POST", hook, *filled) == []
    assert description.complaints("PATCH", original, *edited) == []
    assert description.complaints("GET", original, *read) == []
    assert [one[0] for one in (answered, filled, edited, read, deleted)] == [200] * 4 + [204]


def test_a_wrong_shape_is_noticed(description: Description) -> None:
    complaints = description.complaints("GET", "/users/@me", 200, {"id": 5})

    assert "$.id: 5 is no ['string']" in complaints
    assert "$: username is missing" in complaints


# -- what we send ----------------------------------------------------------------------------

_BUTTONS = tuple(Button(f"B{n}", f"say {n}", style) for n, style in enumerate(ButtonStyle))
_ROWS = Buttons("token").rows_of(_BUTTONS)
PAINT = CommandSpec(
    "paint", "Paint", (CommandArgument("colour", "Which", choices=tuple(map(str, range(30)))),)
)
FEW = CommandSpec("few", "Few", (CommandArgument("kind", "Which", choices=("a", "b")),))
TYPED = InteractionData(name="paint", options=[Option(name="colour", value="1", focused=True)])
_CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
_POST: tuple[str, str] = ("POST", "/channels/{channel_id}/messages")
_SENT: list[tuple[str, str, object]] = [
    ("POST", _CALLBACK, modals.opening()),
    ("POST", _CALLBACK, refusal("No.")),
    ("POST", _CALLBACK, {"type": 5, "data": {"flags": 64}}),
    ("POST", _CALLBACK, completion(TYPED, {"paint": PAINT})),
    ("PUT", _COMMANDS, registration((PAINT, FEW, *SPECS))),
    (*_POST, content_of("Tea?", _ROWS).body() | {"nonce": "n", "enforce_nonce": True}),
    ("PATCH", _MESSAGE, content_of("Tea.").body()),
    ("PATCH", "/webhooks/{webhook_id}/{webhook_token}/messages/@original", content_of("x").body()),
    ("POST", "/webhooks/{webhook_id}/{webhook_token}", content_of("x").body(is_private=True)),
]


@pytest.mark.parametrize(("method", "template", "body"), _SENT)
def test_what_we_send_fits_the_description(
    description: Description, method: str, template: str, body: object
) -> None:
    assert description.request_complaints(method, template, body) == []


def test_a_body_that_does_not_fit_is_noticed(description: Description) -> None:
    body = content_of("Tea?", _ROWS).body()
    body["components"][0]["components"][0]["custom_id"] = "x" * 101

    assert description.request_complaints(*_POST, body)
