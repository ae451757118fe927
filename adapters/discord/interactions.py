"""Slash commands: what they ask, how they are answered, and how they are registered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from adapters.discord.inbound import place_of, sender_of
from adapters.discord.outbound import EPHEMERAL
from adapters.discord.payloads import Channel, Interaction, moment_of
from adapters.discord.rest import Call, Json
from gateway.domain.commands import CommandSpec
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.errors import BadInput

PING, COMMAND = 1, 2
PONG: Json = {"type": 1}
ASK = "ask"
"""The command whose argument is simply said to the agent."""

_ANSWER, _DEFER = 4, 5
_BOT_DM = 1
_CHAT_INPUT, _TEXT = 1, 3
_EVERYWHERE: Json = {"contexts": [0, 1, 2], "integration_types": [0, 1]}
"""In guilds, in the bot's DMs and between people; installed in guilds and by people."""

TOKEN_LIFE = timedelta(minutes=15)
_MARGIN = timedelta(seconds=15)
"""A token is no longer trusted this long before its end."""
ANSWERED_WITHIN = timedelta(seconds=6)
"""Discord waits 3 s for the first answer; an "unknown webhook" until then may just be early."""


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


def parse_interaction(
    interaction: Interaction, commands: Mapping[str, CommandSpec]
) -> InboundMessage:
    """Return what was asked for; BadInput is a sentence for the person who asked."""
    command = _command_of(interaction, commands)
    user = (interaction.member.user if interaction.member else None) or interaction.user
    if user is None or interaction.channel_id is None:
        raise BadInput("Discord did not say who asked, or where. Please try again.")
    conversation = _conversation_of(interaction, interaction.channel_id)
    given = _arguments(interaction, command)
    is_said = command.name == ASK
    if is_said and not given:
        raise BadInput("Say something after /ask.")
    nick = interaction.member.nick if interaction.member else None
    handle = Handle(interaction.application_id, interaction.id, user.id, interaction.token)
    return InboundMessage(
        event_id=f"interaction:{interaction.id}",
        conversation=conversation,
        sender=sender_of(user, nick),
        text=given if is_said else f"{command.name} {given}".strip(),
        sent_at=datetime.fromtimestamp(moment_of(interaction.id), UTC),
        kind=MessageKind.TEXT if is_said else MessageKind.COMMAND,
        handle=str(handle),
        is_private=command.is_private and interaction.context != _BOT_DM,
    )


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


def registration(commands: Sequence[CommandSpec]) -> list[Json]:
    """Return the commands as Discord registers them, by name."""
    return sorted((_registered(command) for command in commands), key=lambda one: one["name"])


def as_registered(given: Sequence[Json]) -> list[Json]:
    """Return Discord's list of commands with only what `registration` says, to compare them."""
    return sorted((_shown(one) for one in given), key=lambda one: one["name"])


def _shown(given: Json) -> Json:
    options: list[Json] = given.get("options") or []
    return {
        "type": given.get("type", _CHAT_INPUT),
        "name": given["name"],
        "description": given.get("description", ""),
        "options": [_option(one) for one in options],
        "default_member_permissions": given.get("default_member_permissions"),
        "contexts": sorted(given.get("contexts") or []),
        "integration_types": sorted(given.get("integration_types") or []),
    }


def _registered(command: CommandSpec) -> Json:
    options = [
        {
            "type": _TEXT,
            "name": argument.name,
            "description": argument.description,
            "required": argument.is_required,
        }
        for argument in command.arguments
    ]
    return {
        "type": _CHAT_INPUT,
        "name": command.name,
        "description": command.description,
        "options": options,
        # Hidden from all but a guild's administrators; who may really use it, the hub decides.
        "default_member_permissions": "0" if command.admin_only else None,
        **_EVERYWHERE,
    }


def _option(given: Json) -> Json:
    return {
        "type": given.get("type"),
        "name": given.get("name"),
        "description": given.get("description"),
        "required": bool(given.get("required")),
    }


def _command_of(interaction: Interaction, commands: Mapping[str, CommandSpec]) -> CommandSpec:
    if interaction.type != COMMAND or interaction.data is None:
        raise BadInput("This is no longer in use.")
    name = interaction.data.name
    if name not in commands:
        raise BadInput(f'There is no command "{name}" any more.')
    return commands[name]


def _arguments(interaction: Interaction, command: CommandSpec) -> str:
    """Return the arguments in the order in which the command names them."""
    options = interaction.data.options if interaction.data else []
    given = {option.name: option.value for option in options}
    values = [given.get(argument.name) for argument in command.arguments]
    return " ".join(str(value) for value in values if value is not None).strip()


def _conversation_of(interaction: Interaction, channel_id: str) -> Conversation:
    channel = interaction.channel or Channel(id=channel_id, type=0)
    return place_of(channel, interaction.guild_id)
