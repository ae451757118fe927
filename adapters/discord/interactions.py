"""Commands, buttons, windows and menus: what they ask, and how they are answered. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from adapters.discord import modals
from adapters.discord.buttons import Buttons
from adapters.discord.commands import ASK, ASK_ABOUT, completion
from adapters.discord.inbound import AMONG_OTHERS, PLATFORM, place_of, sender_of
from adapters.discord.payloads import (
    EPHEMERAL,
    SELECT,
    Channel,
    Interaction,
    InteractionData,
    User,
    moment_of,
)
from adapters.discord.quotes import quoted
from adapters.discord.rest import Call, Json
from gateway.domain.commands import CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.errors import BadInput

PONG: Json = {"type": 1}

_ANSWER, _DEFER = 4, 5
_BOT_DM, _PRIVATE_CHANNEL = 1, 2
_OF_A_MESSAGE = 3
"""The type of a command that stands in the menu of messages."""
_NO_LONGER = "This is no longer in use."

TOKEN_LIFE = timedelta(minutes=15)
_MARGIN = timedelta(seconds=15)
"""A token is no longer trusted this long before its end."""
ANSWERED_WITHIN = timedelta(seconds=6)
"""Discord waits 3 s for the first answer; an "unknown webhook" until then may just be early."""


class Kind(IntEnum):
    """What an interaction is ("Interaction Type", Discord's reference)."""

    PING = 1
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    WINDOW = 5


@dataclass(frozen=True, slots=True)
class Handle:
    """The right to answer one interaction, as deliveries carry it."""

    application: str
    interaction: str
    user: str
    token: str

    def __str__(self) -> str:
        return f"{self.application}:{self.interaction}:{self.user}:{self.token}"

    @classmethod
    def parse(cls, readable: str) -> Handle:
        """Read what `str` wrote."""
        application, interaction, user, token = readable.split(":", 3)
        return cls(application, interaction, user, token)

    def is_alive(self, now: datetime) -> bool:
        """Whether the token can still be used; Discord takes it for 15 minutes."""
        return now < self._begun + TOKEN_LIFE - _MARGIN

    def may_be_unanswered(self, now: datetime) -> bool:
        """Whether our first answer may still be on its way to Discord."""
        return now < self._begun + ANSWERED_WITHIN

    @property
    def _begun(self) -> datetime:
        return datetime.fromtimestamp(moment_of(self.interaction), UTC)


class Unread(BadInput):
    """What was asked can not be carried out; `message` says who asked, and where."""

    def __init__(self, sentence: str, message: InboundMessage) -> None:
        super().__init__(sentence)
        self.message = message


@dataclass(frozen=True, slots=True)
class _Wish:
    """What somebody wants by an interaction."""

    text: str
    kind: MessageKind = MessageKind.TEXT
    is_private: bool = False


def immediate_answer(interaction: Interaction, commands: Mapping[str, CommandSpec]) -> Json | None:
    """Return the answer to what asks nothing of the hub; None for what is a message to it."""
    data = interaction.data or InteractionData()
    match interaction.type:
        case Kind.PING:
            return PONG
        case Kind.AUTOCOMPLETE:
            return completion(data, commands)
        case Kind.COMMAND if data.name == ASK and ASK in commands:
            return None if _arguments(data, commands[ASK]) else modals.opening()
        case _:
            return None


def parse_interaction(
    interaction: Interaction, commands: Mapping[str, CommandSpec], buttons: Buttons
) -> InboundMessage:
    """Return what was asked for; BadInput is a sentence for the person who asked.

    Where it is known who that was, it is an Unread.
    """
    user = (interaction.member.user if interaction.member else None) or interaction.user
    if user is None or interaction.channel_id is None:
        raise BadInput("Discord did not say who asked, or where. Please try again.")
    handle = Handle(interaction.application_id, interaction.id, user.id, interaction.token)
    message = InboundMessage(
        event_id=f"interaction:{interaction.id}",
        conversation=_conversation_of(interaction, interaction.channel_id),
        sender=sender_of(user, interaction.member, interaction.guild_id),
        text="",
        sent_at=datetime.fromtimestamp(moment_of(interaction.id), UTC),
        handle=str(handle),
    )
    try:
        wish = _wish_of(interaction, user, commands, buttons)
    except BadInput as error:
        raise Unread(str(error), message) from error
    is_private = wish.is_private and interaction.context != _BOT_DM
    return replace(message, text=wish.text, kind=wish.kind, is_private=is_private)


def deferral(message: InboundMessage) -> Json:
    """Return the answer that says "thinking"; it fixes who will see what follows."""
    return {"type": _DEFER, "data": {"flags": EPHEMERAL if message.is_private else 0}}


def refusal(sentence: str) -> Json:
    """Return an answer that only the person who asked sees, and that ends it."""
    data: Json = {"content": sentence, "flags": EPHEMERAL, "allowed_mentions": {"parse": []}}
    return {"type": _ANSWER, "data": data}


def callback(interaction: Interaction, answer: Json) -> Call:
    """Return the call that answers an interaction from the gateway."""
    return Call(
        "POST",
        "/interactions/{webhook_id}/{webhook_token}/callback",
        {"webhook_id": interaction.id, "webhook_token": interaction.token},
        answer,
    )


def _wish_of(
    interaction: Interaction, user: User, commands: Mapping[str, CommandSpec], buttons: Buttons
) -> _Wish:
    data = interaction.data
    if data is None:
        raise BadInput(_NO_LONGER)
    match interaction.type:
        case Kind.COMMAND if data.type == _OF_A_MESSAGE:
            return _about_a_message(data, user)
        case Kind.COMMAND:
            return _command(data, commands)
        case Kind.COMPONENT:
            return _press(interaction, data, buttons, commands)
        case Kind.WINDOW:
            return _written(data)
        case _:
            raise BadInput(_NO_LONGER)


def _command(data: InteractionData, commands: Mapping[str, CommandSpec]) -> _Wish:
    if data.name not in commands:
        raise BadInput(f'There is no command "{data.name}" any more.')
    command = commands[data.name]
    given = _arguments(data, command)
    if command.name == ASK:
        if not given:
            raise BadInput("Say something after /ask.")
        return _Wish(given, is_private=command.is_private)
    return _Wish(f"{command.name} {given}".strip(), MessageKind.COMMAND, command.is_private)


def _press(
    interaction: Interaction,
    data: InteractionData,
    buttons: Buttons,
    commands: Mapping[str, CommandSpec],
) -> _Wish:
    """Return what is said by a button or a choice: words for the agent, or a command as typed."""
    says = buttons.said_by(data)
    if says is None:
        what = "menu" if data.component_type == SELECT else "button"
        raise BadInput(f"This {what} is no longer in use.")
    verb = says[1:].partition(" ")[0].lower() if says.startswith("/") else ""
    command = commands.get(verb)
    was_private = interaction.message is not None and interaction.message.is_ephemeral
    return _Wish(says, is_private=was_private or (command is not None and command.is_private))


def _written(data: InteractionData) -> _Wish:
    text = modals.text_of(data)
    if text is None:
        raise BadInput("This window is no longer in use.")
    if not text.strip():
        raise BadInput("You wrote nothing.")
    return _Wish(text)


def _about_a_message(data: InteractionData, user: User) -> _Wish:
    """Return a question about somebody's message. Its answer is for who asks, not for all."""
    target = data.resolved.messages.get(data.target_id or "")
    if data.name != ASK_ABOUT or target is None:
        raise BadInput(_NO_LONGER)
    return _Wish(quoted(target, user), is_private=True)


def _arguments(data: InteractionData, command: CommandSpec) -> str:
    """Return the arguments in the order in which the command names them."""
    given = {option.name: option.value for option in data.options}
    values = [given.get(argument.name) for argument in command.arguments]
    return " ".join(str(value) for value in values if value is not None).strip()


def _conversation_of(interaction: Interaction, channel_id: str) -> Conversation:
    """Return the place. In the direct messages of two people, the second one reads along."""
    if interaction.context == _PRIVATE_CHANNEL:
        return Conversation(PLATFORM, AMONG_OTHERS, channel_id)
    channel = interaction.channel or Channel(id=channel_id, type=0)
    return place_of(channel, interaction.guild_id)
