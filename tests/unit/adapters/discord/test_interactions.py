"""Slash commands, read and registered."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.discord.buttons import Buttons
from adapters.discord.commands import as_registered, registration
from adapters.discord.interactions import (
    Handle,
    deferral,
    parse_interaction,
)
from adapters.discord.payloads import moment_of
from adapters.discord.rest import Json
from gateway.domain.commands import CommandArgument, CommandSpec, Tier
from gateway.domain.messages import MessageKind
from gateway.envelope import to_input
from gateway.errors import BadInput
from tests.unit.adapters.discord.shapes import ADA, CHANNEL, GUILD, interaction

ASK = CommandSpec("ask", "Ask", (CommandArgument("text", "What", is_required=True),))
REMIND = CommandSpec("remind", "Remind", (CommandArgument("when", "When"),), is_private=False)
STATUS = CommandSpec("status", "How things are")
PAUSE = CommandSpec("pause", "Stop everything", tier=Tier.ADMIN)
BUTTONS = Buttons("token")
COMMANDS = {command.name: command for command in (ASK, REMIND, STATUS, PAUSE)}
BEGUN = datetime.fromtimestamp(moment_of("786008729715212338"), UTC)


def test_a_command_is_verb_and_arguments() -> None:
    message = parse_interaction(interaction(), COMMANDS, BUTTONS)

    assert (message.kind, message.text) == (MessageKind.COMMAND, "remind tomorrow")
    assert message.conversation.id == f"discord:{GUILD}:{CHANNEL}"
    assert message.sender.identity.key == f"discord:discord:{ADA}"
    assert message.event_id == "interaction:786008729715212338"
    assert message.sent_at == BEGUN


def test_ask_is_said_to_the_agent() -> None:
    data = {"name": "ask", "options": [{"name": "text", "value": "how are you?"}]}

    message = parse_interaction(interaction(data=data), COMMANDS, BUTTONS)

    assert (message.kind, message.text) == (MessageKind.TEXT, "how are you?")


def test_a_thread_is_known_by_its_channel() -> None:
    thread = {"id": "7", "type": 11, "parent_id": CHANNEL}

    message = parse_interaction(interaction(channel_id="7", channel=thread), COMMANDS, BUTTONS)

    assert message.conversation.id == f"discord:{GUILD}:{CHANNEL}:7"


@pytest.mark.parametrize(
    ("context", "is_private"), [(0, True), (1, False), (2, True), (None, True)]
)
def test_privacy_matters_where_others_could_read(context: int | None, *, is_private: bool) -> None:
    asked = interaction(data={"name": "status"}, context=context)

    message = parse_interaction(asked, COMMANDS, BUTTONS)

    assert message.is_private == is_private
    assert deferral(message)["data"]["flags"] == (64 if is_private else 0)


@pytest.mark.parametrize("kind", [1, 3])
def test_among_other_people_nobody_is_alone_with_their_agent(kind: int) -> None:
    asked = interaction(context=2, guild_id=None, channel={"id": CHANNEL, "type": kind})

    message = parse_interaction(asked, COMMANDS, BUTTONS)

    assert not message.conversation.is_direct
    assert "others read along" in to_input(message).text


@pytest.mark.parametrize(
    "data", [{"name": "dance"}, {"name": "ask", "options": []}, None, {"custom_id": "button"}]
)
def test_what_can_not_be_done_is_said(data: dict[str, object] | None) -> None:
    with pytest.raises(BadInput):
        parse_interaction(interaction(data=data), COMMANDS, BUTTONS)


def test_a_handle_is_read_back() -> None:
    message = parse_interaction(interaction(token="a:b:c"), COMMANDS, BUTTONS)

    handle = Handle.parse(message.handle or "")

    assert handle == Handle("775799577604522054", "786008729715212338", ADA, "a:b:c")


def test_a_handle_lives_for_fifteen_minutes() -> None:
    handle = Handle("1", "786008729715212338", "3", "t")

    assert handle.is_alive(BEGUN + timedelta(minutes=14))
    assert not handle.is_alive(BEGUN + timedelta(minutes=15))


def test_commands_are_for_every_place() -> None:
    registered = registration(tuple(COMMANDS.values()))

    assert all(one["contexts"] == [0, 1, 2] for one in registered)
    assert all(one["integration_types"] == [0, 1] for one in registered)
    hidden = {one["name"]: one["default_member_permissions"] for one in registered}
    menu = {"Ask my agent": None}
    assert hidden == menu | {"ask": None, "pause": 0, "remind": None, "status": None}


def _as_text(one: Json) -> Json:
    """Return the permissions as Discord answers them."""
    name = "default_member_permissions"
    return {name: None if one[name] is None else str(one[name])}


def test_what_discord_adds_is_no_difference() -> None:
    wanted = registration(tuple(COMMANDS.values()))
    known = [
        {**one, "id": "1", "version": "2", "application_id": "3", "nsfw": False, **_as_text(one)}
        for one in reversed(wanted)
    ]
    known[0]["integration_types"] = [1, 0]

    assert as_registered(known) == as_registered(wanted)


def test_another_description_is_a_difference() -> None:
    wanted = registration((STATUS,))

    assert as_registered([{**wanted[0], "description": "Else"}]) != as_registered(wanted)


def test_what_is_over_discords_limits_is_cut_or_left_out() -> None:
    many = tuple(CommandArgument(f"a{n}", "x" * 200, is_required=n == 29) for n in range(30))

    menu, command = registration((ASK, CommandSpec("many", "y" * 200, many)))[::2]

    assert menu["name"] == "Ask my agent"
    assert len(command["description"]) == 100
    assert len(command["options"]) == 25
    assert len(command["options"][0]["description"]) == 100
    assert command["options"][0]["name"] == "a29"


def test_ask_needs_no_words_for_there_is_a_window() -> None:
    ask = next(one for one in registration((ASK,)) if one["name"] == "ask")

    assert not ask["options"][0]["required"]


def test_choices_are_shown_or_completed() -> None:
    few = CommandSpec("few", "Few", (CommandArgument("kind", "Which", choices=("a", "b")),))
    many = CommandSpec(
        "many", "Many", (CommandArgument("kind", "Which", choices=tuple(map(str, range(26)))),)
    )

    shown, completed = (one["options"][0] for one in registration((few, many)))

    assert [choice["value"] for choice in shown["choices"]] == ["a", "b"]
    assert completed["autocomplete"]
    assert "choices" not in completed


def test_other_choices_are_a_difference() -> None:
    def offering(*choices: str) -> list[dict[str, object]]:
        argument = CommandArgument("kind", "Which", choices=choices)
        return as_registered(registration((CommandSpec("few", "Few", (argument,)),)))

    assert offering("a") != offering("a", "b")
    assert offering("a") == offering("a")
