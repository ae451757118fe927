"""Menus of choices: shown, chosen from, refused when old, replaced; over the gateway and HTTP."""

from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest

from adapters.discord.payloads import EPHEMERAL
from agents.scripted import Ask
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import MessageKind
from gateway.rights.policy import AccessMode, AccessPolicy
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import Channel, DiscordServer, Message
from tests.platforms.discord_server.message_forms import walk_components
from tests.platforms.hands import CHOICE, Bank, hands

DOORS = ["gateway", "http"]
TEAS = (*(Button(f"Tea {n}", f"say tea {n}") for n in range(6)), Button("How are you?", "/status"))


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture(params=DOORS)
async def hub(server: DiscordServer, request: pytest.FixtureRequest) -> AsyncGenerator[DiscordHub]:
    hub = DiscordHub(server)
    hub.toolbox = hands(Bank(), hub.store, hub.artifacts, hub.clock)
    async with hub.connected():
        await server.until(lambda: server.commands.registered)
        server.application.interactions_url = hub.url if request.param == "http" else None
        yield hub


async def shown(hub: DiscordHub, channel: Channel) -> Message:
    """Have Postern ask which tea, and wait until the question is there."""
    guild = "dm" if channel.guild_id is None else str(channel.guild_id)
    place = Conversation("discord", guild, str(channel.id))
    post = NewDelivery(DeliveryId("tea"), place, "Which tea?", buttons=TEAS)
    await hub.store.deliveries.enqueue([post], hub.clock.now())
    await hub.server.until(lambda: "Which tea?" in hub.server.visible(channel))
    return next(one for one in channel.messages if one.content == "Which tea?")


def menus(message: Message) -> list[dict[str, Any]]:
    """Return the menus below the message now."""
    found = (item for _, item in walk_components(message.revisions[-1].components))
    return [item for item in found if item.get("type") == 3]


def options(message: Message) -> list[str]:
    """Return what can be chosen below the message now."""
    return [option["label"] for menu in menus(message) for option in menu["options"]]


async def test_a_choice_is_said_by_who_chooses(hub: DiscordHub) -> None:
    server, ada, bob = hub.server, hub.server.person("ada"), hub.server.person("bob")
    message = await shown(hub, server.general)

    chosen = await bob.chooses(message, "choices", "Tea 4")
    await server.until(lambda: chosen.texts == ["tea 4"])

    said = next(iter(hub.stored.values()))
    assert options(message) == [button.label for button in TEAS]
    assert chosen.callback_type == 5
    assert (said.text, said.kind, said.is_private) == ("say tea 4", MessageKind.TEXT, False)
    assert said.sender.identity.user == str(bob.id)
    assert said.event_id == f"interaction:{chosen.id}"
    assert ada.sees(server.general) == ["Which tea?", "tea 4"]


async def test_a_chosen_command_is_answered_in_private(hub: DiscordHub) -> None:
    server, ada, bob = hub.server, hub.server.person("ada"), hub.server.person("bob")
    message = await shown(hub, server.general)

    chosen = await bob.chooses(message, "choices", "How are you?")
    await server.until(lambda: chosen.texts)

    assert chosen.original is not None
    assert chosen.original.flags & EPHEMERAL
    assert ada.sees(server.general) == ["Which tea?"]


@pytest.mark.parametrize("part", ["value", "menu"])
async def test_a_choice_that_is_none_of_ours_is_refused_in_private(
    hub: DiscordHub, part: str
) -> None:
    server, ada, bob = hub.server, hub.server.person("ada"), hub.server.person("bob")
    message = await shown(hub, server.general)
    (menu,) = menus(message)
    if part == "menu":
        menu["custom_id"] = "survey-3"
    else:
        menu["options"][4]["value"] = f"{'A' * 16}:say what I did not"

    chosen = await bob.chooses(message, menu["custom_id"], "Tea 4")
    await server.until(lambda: chosen.texts)

    entries = await hub.store.history.audit(0, 100)
    refused = [entry for entry in entries if entry.kind is AuditKind.MESSAGE_REFUSED]
    assert [entry.data["reason"] for entry in refused] == ["interaction_not_read"]
    assert chosen.texts == ["This menu is no longer in use."]
    assert ada.sees(server.general) == ["Which tea?"]
    assert hub.heard == []


@pytest.mark.parametrize("door", DOORS)
async def test_whom_the_bot_does_not_know_chooses_nothing(server: DiscordServer, door: str) -> None:
    eve = server.person("eve")
    policy = AccessPolicy({"discord": AccessMode.ALLOWLIST})

    async with DiscordHub(server, access=policy).connected() as hub:
        await server.until(lambda: server.commands.registered)
        server.application.interactions_url = hub.url if door == "http" else None
        message = await shown(hub, server.general)
        await eve.chooses(message, "choices", "Tea 4")
        await server.until(lambda: hub.stored)
        entries = await hub.store.history.audit(0, 100)

    assert AuditKind.MESSAGE_REFUSED in [entry.kind for entry in entries]
    assert hub.agents.heard == []


async def test_an_edit_takes_the_menu_away(hub: DiscordHub) -> None:
    ada = hub.server.person("ada")
    message = await shown(hub, ada.dm_channel)
    before = options(message)

    await hub.store.deliveries.revise(DeliveryId("tea"), "Tea 4.", (), hub.clock.now())
    await ada.hears("Tea 4.")

    assert (len(before), options(message)) == (7, [])


async def test_twenty_five_suggested_replies_are_all_offered(hub: DiscordHub) -> None:
    ada = hub.server.person("ada")
    hub.agents.will(Ask((CHOICE,)))
    hub.agents.will_say("Which tea?")
    ada.dm("tea")
    answer = await ada.hears("Which tea?")
    await hub.server.until(lambda: options(answer))

    await ada.chooses(answer, "choices", "Tea number 24")
    await ada.hears("echo: ")

    assert options(answer) == [f"Tea number {n}" for n in range(25)]
    assert "Tea number 24" in hub.agents.heard[-1][0]


def menu(*values: str, label: str = "Tea", custom_id: str = "m") -> dict[str, Any]:
    choices = [{"label": label, "value": value} for value in values]
    return {"type": 3, "custom_id": custom_id, "options": choices}


@pytest.mark.parametrize(
    "parts",
    [
        [menu()],
        [menu(*map(str, range(26)))],
        [menu("a", "b", "a")],
        [menu("")],
        [menu("v" * 101)],
        [menu("a", label="")],
        [menu("a", label="l" * 101)],
        [menu("a", custom_id="i" * 101)],
        [menu("a"), menu("b", custom_id="n")],
        [menu("a"), {"type": 2, "style": 1, "label": "Yes", "custom_id": "y"}],
        [{"type": 3, "custom_id": "m"}],
    ],
)
async def test_a_menu_that_discord_refuses_is_refused(
    server: DiscordServer, parts: list[dict[str, Any]]
) -> None:
    body = {"content": "x", "components": [{"type": 1, "components": parts}]}
    token = {"Authorization": f"Bot {server.token}"}
    url = f"{server.api_url}/channels/{server.general.id}/messages"

    async with aiohttp.ClientSession(headers=token) as session:
        answer = await session.post(url, json=body)
        refusal = await answer.json()

    assert (answer.status, refusal["code"]) == (400, 50035)
    assert list(refusal["errors"]) == ["components"]
    assert server.visible(server.general) == []
