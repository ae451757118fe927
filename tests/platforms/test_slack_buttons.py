"""Buttons: shown within Slack's limits, pressed as if typed, replaced and taken away by edits."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, ButtonStyle, NewDelivery
from gateway.domain.ids import DeliveryId
from storage.memory import MemoryStore
from tests.fakes.crashing import around
from tests.platforms.slack_hub import Outage, SlackHub, slack_hub
from tests.platforms.slack_server import Channel, Message, Person

YES = Button("Yes, do it", "yes please", ButtonStyle.GOOD)
NO = Button("No", "no", ButtonStyle.DANGER)
WHO = Button("Who am I?", "/whoami")


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub() as hub:
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


@pytest.fixture
def bob(hub: SlackHub) -> Person:
    return hub.slack.person("bob")


async def asks(
    hub: SlackHub,
    place: Channel,
    *buttons: Button,
    text: str = "Shall I?",
    thread: str | None = None,
) -> Message:
    """Post a question with buttons; its message, once it is there."""
    conversation = Conversation("slack", hub.slack.workspace().id, place.id, thread)
    post = NewDelivery(DeliveryId("ask-1"), conversation, text, buttons=buttons)
    await hub.hub.store.deliveries.enqueue([post], hub.hub.clock.now())
    await hub.settled("ask-1")
    return [message for message in place.messages.values() if message.is_by_app][-1]


async def becomes(hub: SlackHub, text: str, *buttons: Button) -> None:
    """Edit the question, and wait until Slack shows it."""
    await hub.hub.store.deliveries.revise(DeliveryId("ask-1"), text, buttons, hub.hub.clock.now())
    await hub.is_quiet()


async def test_a_question_shows_its_buttons(hub: SlackHub, ada: Person) -> None:
    await asks(hub, ada.dm_channel, YES, NO, text="**Shall** I?")

    assert ada.sees() == ["**Shall** I?\n[Yes, do it] [No]"]


async def test_pressing_is_saying_and_is_answered_in_the_same_place(
    hub: SlackHub, ada: Person
) -> None:
    message = await asks(hub, ada.dm_channel, YES, NO)

    answer = await ada.press(message, "say-0")

    assert answer.is_acknowledged
    await hub.slack.until(lambda: ada.sees()[-1] == "re: yes please")


async def test_what_somebody_presses_in_a_thread_is_theirs_and_answered_there(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    general = hub.slack.channel("general")
    root = ada.mentions(general, "hello")
    await hub.slack.until(lambda: hub.slack.visible(general, root.ts)[1:] == ["re: hello"])
    message = await asks(hub, general, YES, thread=root.ts)

    await bob.press(message, "say-0")

    await hub.slack.until(lambda: hub.slack.visible(general, root.ts)[-1] == "re: yes please")
    senders = [text for heard in hub.agents.heard for text in heard]
    assert "[bob on slack" in senders[-1]


async def test_a_command_by_a_button_is_answered_for_its_presser_alone(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    general = hub.slack.channel("general")
    message = await asks(hub, general, WHO)

    await bob.press(message, "say-0")
    await hub.slack.until(lambda: len(bob.sees(general)) == 2)

    assert bob.sees(general)[1].startswith("You are bob")
    assert len(ada.sees(general)) == 1
    assert hub.agents.heard == []


async def test_an_edit_replaces_and_takes_away_the_buttons(hub: SlackHub, ada: Person) -> None:
    await asks(hub, ada.dm_channel, YES, NO)

    await becomes(hub, "Or this?", WHO)
    replaced = ada.sees()
    await becomes(hub, "Done.")

    assert replaced == ["Or this?\n[Who am I?]"]
    assert ada.sees() == ["Done."]


async def test_more_than_slack_takes_is_left_out(hub: SlackHub, ada: Person) -> None:
    many = [Button("x" * 200, "long")] + [Button(f"b{n}", f"b{n}") for n in range(40)]

    message = await asks(hub, ada.dm_channel, *many)

    (actions,) = [block for block in message.blocks if block["type"] == "actions"]
    assert len(actions["elements"]) == 25
    assert len(actions["elements"][0]["text"]["text"]) == 75


async def test_the_longest_answer_has_room_for_buttons(hub: SlackHub, ada: Person) -> None:
    buttons = [Button("l" * 75, f"{n}") for n in range(25)]

    message = await asks(hub, ada.dm_channel, *buttons, text="x" * 12_000)

    (actions,) = [block for block in message.blocks if block["type"] == "actions"]
    assert ada.sees()[0].startswith("x" * 12_000)
    assert [element["value"] for element in actions["elements"]] == [f"{n}" for n in range(25)]


async def test_a_button_that_is_not_ours_says_so_to_its_presser_alone(
    hub: SlackHub, ada: Person, bob: Person
) -> None:
    general = hub.slack.channel("general")
    message = await asks(hub, general, YES)
    (actions,) = [block for block in message.blocks if block["type"] == "actions"]
    actions["elements"][0]["action_id"] = "from-elsewhere"

    answer = await bob.press(message, "from-elsewhere")
    await hub.slack.until(lambda: len(bob.sees(general)) == 2)

    assert answer.is_acknowledged
    assert bob.sees(general)[1] == "This button is no longer in use."
    assert len(ada.sees(general)) == 1
    assert hub.agents.heard == []


async def test_a_press_that_could_not_be_stored_tells_its_presser() -> None:
    outage = Outage()
    async with slack_hub(store=around(MemoryStore(), "store", outage)) as hub:
        ada = hub.slack.person("ada")
        message = await asks(hub, ada.dm_channel, YES)
        outage.failures["before store.turns.accept"] = 1

        await ada.press(message, "say-0")

        await hub.slack.until(lambda: "nothing was stored" in ada.sees()[-1])
        assert hub.agents.heard == []


async def test_one_press_that_comes_twice_is_one_turn(hub: SlackHub, ada: Person) -> None:
    message = await asks(hub, ada.dm_channel, YES)
    payload = ada.press_of(message, "say-0")

    for _ in range(2):
        await hub.slack.interactions.send_payload(payload)
    await hub.slack.until(lambda: ada.sees()[-1] == "re: yes please")
    await hub.is_quiet()

    assert len(hub.agents.heard) == 1
