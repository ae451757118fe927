"""Canvases in Slack: drawn as blocks, pressed, filled in, changed, and in words where need be."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.text.canvas import buttons_of, in_words
from tests.platforms.slack_hub import SlackHub, slack_hub
from tests.platforms.slack_server import Channel, Message, Person
from tests.unit.toolbox.canvases import EVERY_KIND
from toolbox.canvas_names import named
from toolbox.canvas_reading import read_canvas

Written = list[dict[str, Any]]
POST = DeliveryId("turn-1.canvas-c1")


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


async def shows(hub: SlackHub, place: Channel, written: Written) -> Message:
    """Post a canvas; its message, once it is there."""
    canvas = named(read_canvas(written), "trip")
    where = Conversation("slack", hub.slack.workspace().id, place.id)
    words, buttons = in_words(canvas), buttons_of(canvas)
    post = NewDelivery(POST, where, words, buttons=buttons, canvas=canvas)
    await hub.hub.store.deliveries.enqueue([post], hub.hub.clock.now())
    await hub.settled(POST)
    return [message for message in place.messages.values() if message.is_by_app][-1]


async def becomes(hub: SlackHub, written: Written) -> None:
    canvas = named(read_canvas(written), "trip")
    words, now = in_words(canvas), hub.hub.clock.now()
    await hub.hub.store.deliveries.revise(POST, words, buttons_of(canvas), now, canvas=canvas)
    await hub.is_quiet()


def kinds(message: Message) -> list[str]:
    return [block["type"] for block in message.blocks]


async def test_every_kind_of_component_is_drawn(hub: SlackHub, ada: Person) -> None:
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    assert {*kinds(message)} == {"markdown", "image", "divider", "actions", "input"}
    (seen,) = ada.sees()
    for words in ("Rome", "90 € a night", "412 €", "▓▓▓▓▓▓░░░░ 60 %", "1 May", "Shirts"):
        assert words in seen
    assert message.text.startswith("Rome")
    fields = [block for block in message.blocks if block["type"] == "input"]
    assert [field["optional"] for field in fields] == [False, False, True]
    assert [field["element"].get("multiline") for field in fields] == [False, None, True]


async def test_a_press_says_its_words(hub: SlackHub, ada: Person) -> None:
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    await ada.press(message, "say-0")

    await hub.slack.until(lambda: ada.sees()[-1] == "re: Book the hotel (trip)")


async def test_a_form_is_sent_off_as_its_persons_words(hub: SlackHub, ada: Person) -> None:
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    await ada.press(message, "send-form", filled={"From": " Paris ", "By": "Bus"})

    await hub.slack.until(lambda: ada.sees()[-1] == "re: Your trip (trip)\nFrom: Paris\nBy: Bus")


async def test_what_a_form_asks_for_and_did_not_get_is_told_at_once(
    hub: SlackHub, ada: Person
) -> None:
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    await ada.press(message, "send-form", filled={"From": "Paris"})

    await hub.slack.until(lambda: ada.sees()[-1] == 'Please fill in "By" too.')
    assert hub.agents.heard == []


async def test_who_fills_in_nothing_is_told_at_once(hub: SlackHub, ada: Person) -> None:
    form = {"type": "form", "title": "Trip", "fields": [{"label": "From", "required": False}]}
    message = await shows(hub, ada.dm_channel, [form])

    await ada.press(message, "send-form", filled={"From": " "})

    await hub.slack.until(lambda: ada.sees()[-1] == "You filled in nothing.")
    assert hub.agents.heard == []


async def test_a_change_to_nothing_is_seen(hub: SlackHub, ada: Person) -> None:
    await shows(hub, ada.dm_channel, EVERY_KIND)

    await becomes(hub, [{"type": "text", "text": "&nbsp;"}])

    assert ada.sees() == ["…"]


async def test_a_change_is_an_edit_of_the_same_message(hub: SlackHub, ada: Person) -> None:
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    await becomes(hub, [{"type": "badge", "text": "booked", "tone": "good"}])

    assert ada.sees() == ["✅ **booked**"]
    assert kinds(message) == ["markdown"]


async def test_what_needs_too_many_blocks_is_said_in_words(hub: SlackHub, ada: Person) -> None:
    many = [{"url": f"https://x.example/{n}", "alt": f"Picture {n}"} for n in range(25)]
    galleries: Written = [{"type": "gallery", "images": many}] * 3

    button, form = {"type": "button", "label": "More"}, EVERY_KIND[-1]
    message = await shows(hub, ada.dm_channel, [*galleries, button, form])

    assert kinds(message) == ["markdown", "actions", "markdown", *["input"] * 3, "actions"]
    assert "[Picture 24](https://x.example/24)" in message.blocks[0]["text"]
    assert len(hub.slack.calls("chat.postMessage")) == 1


@pytest.mark.parametrize("code", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"])
async def test_what_slack_does_not_draw_is_said_in_words(
    hub: SlackHub, ada: Person, code: str
) -> None:
    hub.slack.faults.refuse("chat.postMessage", code)
    message = await shows(hub, ada.dm_channel, EVERY_KIND)

    assert kinds(message) == ["markdown", "actions", "markdown", *["input"] * 3, "actions"]
    assert len(message.blocks[1]["elements"]) == 3

    hub.slack.faults.refuse("chat.update", code)
    await becomes(hub, [{"type": "image", "url": "https://x.example/gone.png", "alt": "Gone"}])

    assert ada.sees() == ["[Gone](https://x.example/gone.png)"]


@pytest.mark.parametrize("others", [[], [{"type": "divider"}]])
async def test_words_of_which_slack_shows_nothing_hold_up_nothing(
    hub: SlackHub, ada: Person, others: Written
) -> None:
    await shows(hub, ada.dm_channel, [{"type": "text", "text": "&nbsp;"}, *others])

    stored = await hub.hub.store.deliveries.get(POST)
    assert stored is not None
    assert stored.receipt is not None


async def test_where_slack_can_not_tell_the_repeat_says_so(hub: SlackHub, ada: Person) -> None:
    hub.slack.faults.refuse("conversations.history", "missing_scope", times=9)
    hub.slack.faults.lose_reply("chat.postMessage")

    await shows(hub, ada.dm_channel, [{"type": "badge", "text": "booked"}])

    assert ada.sees() == ["**booked**", "**booked**\n\n*(this may be a repeat)*"]
