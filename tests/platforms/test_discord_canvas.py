"""Canvases in Discord: drawn as components, pressed, filled in a window, changed, and in words."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from adapters.discord.payloads import COMPONENTS_V2, EPHEMERAL
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.text.canvas import buttons_of, in_words
from tests.platforms.discord_hub import DiscordHub
from tests.platforms.discord_server import Channel, DiscordServer, Message
from tests.platforms.discord_server.faults import Fail, LoseReply
from tests.platforms.discord_server.message_forms import walk_components
from tests.platforms.discord_server.people import shown_text
from tests.platforms.discord_server.requests import Call
from tests.platforms.discord_server.settings import ServerSettings
from tests.unit.toolbox.canvases import EVERY_KIND
from toolbox.canvas_names import named
from toolbox.canvas_reading import read_canvas

DOORS = ["gateway", "http"]
POST = DeliveryId("turn-1.canvas-c1")
Written = list[dict[str, Any]]


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


@pytest.fixture(params=DOORS)
async def hub(server: DiscordServer, request: pytest.FixtureRequest) -> AsyncGenerator[DiscordHub]:
    async with DiscordHub(server).connected() as hub:
        await server.until(lambda: server.commands.registered)
        server.application.interactions_url = hub.url if request.param == "http" else None
        yield hub


async def shows(hub: DiscordHub, channel: Channel, written: Written) -> Message:
    """Post a canvas; its message, once it is there."""
    guild = "dm" if channel.guild_id is None else str(channel.guild_id)
    canvas = named(read_canvas(written), "trip")
    place = Conversation("discord", guild, str(channel.id))
    words, buttons = in_words(canvas), buttons_of(canvas)
    post = NewDelivery(POST, place, words, buttons=buttons, canvas=canvas)
    await hub.store.deliveries.enqueue([post], hub.clock.now())
    await hub.server.until(lambda: channel.messages)
    return channel.messages[-1]


def _dm(channel: Channel) -> Conversation:
    return Conversation("discord", "dm", str(channel.id))


async def becomes(hub: DiscordHub, written: Written) -> None:
    canvas = named(read_canvas(written), "trip")
    words, buttons = in_words(canvas), buttons_of(canvas)
    await hub.store.deliveries.revise(POST, words, buttons, hub.clock.now(), canvas=canvas)


def kinds(message: Message) -> set[int]:
    found = walk_components(message.revisions[-1].components)
    return {item["type"] for _, item in found}


async def test_every_kind_of_component_is_drawn(hub: DiscordHub) -> None:
    ada = hub.server.person("ada")

    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    assert kinds(message) == {1, 2, 10, 12, 14, 17}
    assert message.flags & COMPONENTS_V2
    assert message.content == ""
    frames = [each for each in message.revisions[-1].components if each["type"] == 17]
    assert [each.get("accent_color") for each in frames] == [0x3498DB, None]
    for words in ("Rome", "90 € a night", "412 €", "▓▓▓▓▓▓░░░░ 60 %", "1 May", "Shirts"):
        assert words in shown_text(message)


async def test_a_press_says_its_words(hub: DiscordHub) -> None:
    ada, bob = hub.server.person("ada"), hub.server.person("bob")
    message = await shows(hub, hub.server.general, EVERY_KIND)

    pressed = await bob.press(message, "Book it")
    await hub.server.until(lambda: hub.heard == ["Book the hotel (trip)"])

    said = next(iter(hub.stored.values()))
    assert pressed.callback_type == 5
    assert said.sender.identity.user == str(bob.id)
    assert ada.sees(hub.server.general)


async def test_a_form_opens_a_window_and_is_sent_off_as_its_persons_words(hub: DiscordHub) -> None:
    ada = hub.server.person("ada")
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    pressed = await ada.press(message, "Your trip")
    await hub.server.until(lambda: pressed.modal)
    assert pressed.modal is not None
    labels = [part["label"] for part in pressed.modal["components"]]
    await ada.submits(pressed, From=" Paris ", By="Bus")
    await hub.server.until(lambda: hub.heard)

    fields = [part["component"] for part in pressed.modal["components"]]
    assert labels == ["From", "By", "Wishes"]
    assert [field["required"] for field in fields] == [True, True, False]
    assert [field.get("max_length") for field in fields] == [500, None, 4_000]
    assert hub.heard == ["Your trip (trip)\nFrom: Paris\nBy: Bus"]


async def test_a_form_that_is_gone_or_stands_elsewhere_is_refused_in_private(
    hub: DiscordHub,
) -> None:
    ada = hub.server.person("ada")
    message = await shows(hub, ada.dm_channel, EVERY_KIND)
    revision = message.revisions[-1]
    hub.server.general.messages.append(replace(message, channel_id=hub.server.general.id))

    elsewhere = await ada.press(hub.server.general.messages[-1], "Your trip")
    await hub.server.until(lambda: elsewhere.texts)
    await becomes(hub, [{"type": "divider"}])
    await hub.server.until(lambda: message.revisions[-1] is not revision)
    message.revisions.append(revision)
    gone = await ada.press(message, "Your trip")
    await hub.server.until(lambda: gone.texts)

    assert [*elsewhere.texts, *gone.texts] == ["This form is no longer in use."] * 2
    assert gone.original is not None
    assert gone.original.flags & EPHEMERAL
    assert hub.heard == []


async def test_a_form_is_not_opened_while_the_store_is_away_and_that_is_said(
    hub: DiscordHub,
) -> None:
    ada = hub.server.person("ada")
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    hub.is_store_down = True
    pressed = await ada.press(message, "Your trip")
    await hub.server.until(lambda: pressed.texts)

    assert pressed.texts[0].startswith("I can't open this right now.")


async def test_a_change_is_an_edit_of_the_same_message(server: DiscordServer) -> None:
    ada = server.person("ada")
    async with DiscordHub(server).connected() as hub:
        message = await shows(hub, ada.dm_channel, EVERY_KIND)

        await becomes(hub, [{"type": "badge", "text": "booked", "tone": "good"}])
        await server.until(lambda: shown_text(message) == "✅ **booked**")

    assert len(ada.dm_channel.messages) == 1
    assert message.flags & COMPONENTS_V2


async def test_many_pictures_and_much_about_one_are_drawn(server: DiscordServer) -> None:
    ada = server.person("ada")
    pictures = [{"url": f"https://x.example/{n}", "alt": f"{n}"} for n in range(24)]
    much = {"url": "https://x.example/a", "alt": "much " * 300}
    async with DiscordHub(server).connected() as hub:
        written = [{"type": "gallery", "images": [*pictures, much]}]
        message = await shows(hub, ada.dm_channel, written)

    drawn = message.revisions[-1].components
    assert [len(each["items"]) for each in drawn] == [10, 10, 5]


@pytest.mark.parametrize("kind", ["text", "callout"])
async def test_what_shows_nothing_is_left_out_with_its_frame(
    server: DiscordServer, kind: str
) -> None:
    ada = server.person("ada")
    tone = {"tone": "plain"} if kind == "callout" else {}
    async with DiscordHub(server).connected() as hub:
        nothing = {"type": kind, "text": "&nbsp;", **tone}
        await shows(hub, ada.dm_channel, [{"type": "divider"}, nothing, {"type": "divider"}])

    assert len([one for one in server.log.entries if one.call.method == "POST"]) == 1


MANY: dict[str, Written] = {
    "components": [{"type": "card", "title": "Card", "children": [{"type": "divider"}]}] * 15,
    "words": [{"type": "table", "columns": ["a" * 60, "c"], "rows": [["b", "d"]] * 25}] * 3,
}


@pytest.mark.parametrize("much", MANY)
async def test_what_is_more_than_a_message_holds_is_said_in_words(
    server: DiscordServer, much: str
) -> None:
    ada = server.person("ada")
    form = [one for one in EVERY_KIND if one["type"] in ("action_bar", "form")]
    async with DiscordHub(server).connected() as hub:
        message = await shows(hub, ada.dm_channel, [*MANY[much], *form])

    assert kinds(message) == {1, 2, 10}
    labels = [item.get("label") for _, item in walk_components(message.revisions[-1].components)]
    assert "Your trip" in labels
    assert len(shown_text(message)) <= 4_000
    assert len([one for one in server.log.entries if one.call.method == "POST"]) == 1


@pytest.mark.parametrize("call", ["POST /channels/*/messages", "PATCH /channels/*/messages/*"])
async def test_what_discord_does_not_take_is_said_in_words_with_the_same_to_press(
    server: DiscordServer, call: str
) -> None:
    ada = server.person("ada")
    server.faults.add(call, Fail(400, code=50035))
    async with DiscordHub(server).connected() as hub:
        message = await shows(hub, ada.dm_channel, EVERY_KIND)
        if call.startswith("PATCH"):
            await becomes(hub, [*EVERY_KIND, {"type": "text", "text": "And more."}])
            await server.until(lambda: "And more." in shown_text(message))
        pressed = await ada.press(message, "Your trip")
        await server.until(lambda: pressed.modal)

    assert kinds(message) == {1, 2, 10}
    assert "[The Forum](https://pictures.example/rome.png)" in shown_text(message)


@pytest.mark.parametrize("nonce_seconds", [120.0, 0.0])
async def test_words_in_place_of_a_canvas_are_posted_once_when_their_reply_is_lost(
    nonce_seconds: float,
) -> None:
    posts, takes_no = "POST /channels/*/messages", Fail(400, code=50035)
    async with remembering(nonce_seconds) as hub:
        ada, faults = hub.server.person("ada"), hub.server.faults
        refused = faults.add(posts, takes_no, times=None, when=_has_pictures)
        faults.add(posts, LoseReply(), when=lambda call: not _has_pictures(call))
        message = await shows(hub, ada.dm_channel, EVERY_KIND)
        after = NewDelivery(DeliveryId("after"), _dm(ada.dm_channel), "After it.")
        await hub.store.deliveries.enqueue([after], hub.clock.now())
        await ada.hears("After it.")
        found = await hub.store.deliveries.get(POST)

    assert refused.hits == (2 if nonce_seconds else 1)
    assert found is not None
    assert found.receipt == str(message.id)
    assert len(ada.dm_channel.messages) == 2


@contextlib.asynccontextmanager
async def remembering(nonce_seconds: float) -> AsyncGenerator[DiscordHub]:
    """Give a hub that knows for how long Discord remembers nonces."""
    async with DiscordServer(ServerSettings(nonce_window_seconds=nonce_seconds)) as server:
        hub = DiscordHub(server, settings={"nonce_window_seconds": nonce_seconds})
        async with hub.connected():
            yield hub


def _has_pictures(call: Call) -> bool:
    return "'media'" in str(call.body)


async def test_an_earlier_try_is_found_by_its_words() -> None:
    async with remembering(nonce_seconds=0.0) as hub:
        ada = hub.server.person("ada")
        hub.server.faults.lose_reply("POST /channels/*/messages")
        message = await shows(hub, ada.dm_channel, EVERY_KIND)
        after = NewDelivery(DeliveryId("after"), _dm(ada.dm_channel), "What came after it.")
        await hub.store.deliveries.enqueue([after], hub.clock.now())
        await ada.hears("What came after it.")
        found = await hub.store.deliveries.get(POST)

    assert found is not None
    assert found.receipt == str(message.id)
    assert len(ada.dm_channel.messages) == 2


async def test_where_discord_can_not_tell_the_repeat_says_so() -> None:
    async with remembering(nonce_seconds=0.0) as hub:
        server, ada = hub.server, hub.server.person("ada")
        server.faults.add("GET /channels/*/messages", Fail(403, code=50001), times=None)
        server.faults.lose_reply("POST /channels/*/messages")
        await shows(hub, ada.dm_channel, [{"type": "badge", "text": "booked"}])
        await server.until(lambda: len(ada.dm_channel.messages) == 2)

    assert [shown_text(message) for message in ada.dm_channel.messages] == [
        "**booked**",
        "**booked**\n\n*(this may be a repeat)*",
    ]
