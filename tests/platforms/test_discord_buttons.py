"""Buttons: shown, pressed, answered, replaced and taken away, over the gateway and over HTTP."""

from collections.abc import AsyncGenerator

import pytest

from adapters.discord.payloads import EPHEMERAL
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, ButtonStyle, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.messages import MessageKind
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import Channel, DiscordServer, Message
from tests.platforms.discord_server.message_forms import walk_components

DOORS = ["gateway", "http"]
BUTTONS = (
    Button("Yes", "say tea", ButtonStyle.GOOD),
    Button("No", "/status", ButtonStyle.DANGER),
    Button("Later", "say later"),
)


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


async def ready(hub: DiscordHub, door: str) -> None:
    """Wait until commands are registered, and choose where Discord brings presses."""
    await hub.server.until(lambda: hub.server.commands.registered)
    hub.server.application.interactions_url = hub.url if door == "http" else None


async def shown(
    hub: DiscordHub, channel: Channel, text: str = "Tea?", buttons: tuple[Button, ...] = BUTTONS
) -> Message:
    """Have Postern post a message with buttons, and wait until it is there."""
    guild = "dm" if channel.guild_id is None else str(channel.guild_id)
    place = Conversation("discord", guild, str(channel.id))
    post = NewDelivery(DeliveryId("tea"), place, text, buttons=buttons)
    await hub.store.deliveries.enqueue([post], hub.adapter.clock.now())
    await hub.server.until(lambda: text in hub.server.visible(channel))
    return next(one for one in channel.messages if one.content == text)


def labels(message: Message) -> list[str]:
    """Return what stands on the message's buttons now."""
    found = (item for _, item in walk_components(message.revisions[-1].components))
    return [item["label"] for item in found if item.get("type") == 2]


@pytest.mark.parametrize("door", DOORS)
async def test_a_press_is_said_by_who_presses(server: DiscordServer, door: str) -> None:
    ada, bob = server.person("ada"), server.person("bob")

    async with DiscordHub(server).connected() as hub:
        await ready(hub, door)
        message = await shown(hub, server.general)
        pressed = await bob.press(message, "Yes")
        await server.until(lambda: pressed.texts == ["tea"])
        said = next(iter(hub.stored.values()))

    assert pressed.callback_type == 5
    assert (said.text, said.kind, said.is_private) == ("say tea", MessageKind.TEXT, False)
    assert said.sender.identity.user == str(bob.id)
    assert said.event_id == f"interaction:{pressed.id}"
    assert ada.sees(server.general) == ["Tea?", "tea"]


@pytest.mark.parametrize("door", DOORS)
async def test_a_pressed_command_is_answered_in_private(server: DiscordServer, door: str) -> None:
    ada, bob = server.person("ada"), server.person("bob")

    async with DiscordHub(server).connected() as hub:
        await ready(hub, door)
        message = await shown(hub, server.general)
        pressed = await bob.press(message, "No")
        await server.until(lambda: pressed.texts)

    assert pressed.original is not None
    assert pressed.original.flags & EPHEMERAL
    assert ada.sees(server.general) == ["Tea?"]
    assert len(bob.sees(server.general)) == 2


async def test_pressing_twice_is_saying_twice_and_one_press_that_comes_twice_once(
    server: DiscordServer,
) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected() as hub:
        await ready(hub, "gateway")
        message = await shown(hub, ada.dm_channel)
        server.gateway.repeat("INTERACTION_CREATE", 2)
        first = await ada.press(message, "Yes")
        await server.until(lambda: first.texts)
        second = await ada.press(message, "Yes")
        await server.until(lambda: second.texts)

    assert ada.inbox == ["Tea?", "tea", "tea"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("custom_id", ["v0:approve:7", f"{'A' * 16}:say what I did not"])
async def test_a_button_that_is_none_of_ours_is_refused_in_private(
    server: DiscordServer, door: str, custom_id: str
) -> None:
    ada, bob = server.person("ada"), server.person("bob")
    foreign = {"type": 2, "style": 1, "label": "Old", "custom_id": custom_id}

    async with DiscordHub(server).connected() as hub:
        await ready(hub, door)
        message = await shown(hub, server.general)
        row = {"type": 1, "components": [foreign]}
        message.revisions[-1] = type(message.revisions[-1])("Tea?", 0.0, components=(row,))
        pressed = await bob.press(message, "Old")
        await server.until(lambda: pressed.texts)

    entries = await hub.store.history.audit(0, 100)
    refused = [entry for entry in entries if entry.kind is AuditKind.MESSAGE_REFUSED]
    assert [entry.data["reason"] for entry in refused] == ["interaction_not_read"]
    assert pressed.texts == ["This button is no longer in use."]
    assert ada.sees(server.general) == ["Tea?"]
    assert hub.heard == []


async def test_an_edit_replaces_buttons_or_takes_them_away(server: DiscordServer) -> None:
    ada = server.person("ada")
    tea = DeliveryId("tea")

    async with DiscordHub(server).connected() as hub:
        message = await shown(hub, ada.dm_channel)
        before = labels(message)
        now = hub.adapter.clock.now()
        await hub.store.deliveries.revise(tea, "Which?", (Button("Green", "say green"),), now)
        await ada.hears("Which?")
        between = labels(message)
        await hub.store.deliveries.revise(tea, "Green.", (), now)
        await ada.hears("Green.")

    assert (before, between, labels(message)) == (["Yes", "No", "Later"], ["Green"], [])
    assert ada.inbox == ["Green."]


async def test_many_buttons_stand_in_rows_of_five(server: DiscordServer) -> None:
    ada = server.person("ada")
    many = tuple(Button(f"Number {n}", f"say {n}", ButtonStyle.GOOD) for n in range(30))

    async with DiscordHub(server).connected() as hub:
        message = await shown(hub, ada.dm_channel, buttons=many)

    rows = message.revisions[-1].components
    assert [len(row["components"]) for row in rows] == [5] * 5
    assert labels(message) == [f"Number {n}" for n in range(25)]


async def test_what_can_not_be_noted_is_refused_all_the_same(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected() as hub:
        await ready(hub, "http")
        hub.is_store_down = True
        server.commands.add("dance")
        asked = await ada.slash("dance")

    assert asked.texts == ['There is no command "dance" any more.']


async def test_a_press_while_the_store_is_away_is_told(server: DiscordServer) -> None:
    ada = server.person("ada")

    async with DiscordHub(server).connected() as hub:
        await ready(hub, "http")
        message = await shown(hub, ada.dm_channel)
        hub.is_store_down = True
        pressed = await ada.press(message, "Yes")

    assert pressed.texts == ["I can't take this in right now. Please try again in a moment."]
