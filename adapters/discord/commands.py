"""The hub's commands as Discord registers and completes them, and the menu of messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.discord.payloads import InteractionData, Option
from adapters.discord.rest import Json
from gateway.domain.commands import CommandArgument, CommandSpec, Tier

ASK = "ask"
"""The command whose argument is simply said to the agent."""
ASK_ABOUT = "Ask my agent"
"""Stands in the menu of every message."""

_CHAT_INPUT, _MESSAGE, _TEXT = 1, 3, 3
_CHOICES = 8
_MOST_CHOICES = 25
_MOST_OPTIONS = 25
_LONGEST = 100
"""Characters of a description or a choice ("Application Command Object", reference)."""
_EVERYWHERE: Json = {"contexts": [0, 1, 2], "integration_types": [0, 1]}
"""In guilds, in the bot's DMs and between people; installed in guilds and by people."""


def registration(commands: Sequence[CommandSpec]) -> list[Json]:
    """Return the commands as Discord registers them, by name."""
    wanted = [_registered(command) for command in commands]
    if any(command.name == ASK for command in commands):
        menu = {"type": _MESSAGE, "name": ASK_ABOUT, "default_member_permissions": None}
        wanted.append({**menu, **_EVERYWHERE})
    return sorted(wanted, key=lambda one: one["name"])


def as_registered(given: Sequence[Json]) -> list[Json]:
    """Return Discord's list of commands with only what `registration` says, to compare them."""
    return sorted((_shown(one) for one in given), key=lambda one: one["name"])


def completion(data: InteractionData, commands: Mapping[str, CommandSpec]) -> Json:
    """Return the answer that offers what an argument may be, while somebody types it."""
    focused = next((option for option in data.options if option.focused), None)
    choices = _fitting(focused, commands.get(data.name)) if focused else []
    return {"type": _CHOICES, "data": {"choices": choices}}


def _fitting(focused: Option, command: CommandSpec | None) -> list[Json]:
    arguments = command.arguments if command else ()
    offered = next((one.choices for one in arguments if one.name == focused.name), ())
    typed = str(focused.value or "").strip().lower()
    fitting = [choice for choice in offered if typed in choice.lower()]
    return [_choice(choice) for choice in fitting[:_MOST_CHOICES]]


def _registered(command: CommandSpec) -> Json:
    # Discord wants what must be said before what may be.
    ordered = sorted(command.arguments, key=lambda one: not one.is_required)
    return {
        "type": _CHAT_INPUT,
        "name": command.name,
        "description": command.description[:_LONGEST],
        "options": [_argument(one, command) for one in ordered[:_MOST_OPTIONS]],
        # Hidden from all but a guild's administrators; who may really use it, the hub decides.
        "default_member_permissions": 0 if command.tier is Tier.ADMIN else None,
        **_EVERYWHERE,
    }


def _argument(argument: CommandArgument, command: CommandSpec) -> Json:
    is_ask = command.name == ASK
    option: Json = {
        "type": _TEXT,
        "name": argument.name,
        "description": argument.description[:_LONGEST],
        # Without its text, `/ask` opens a window to write it in.
        "required": argument.is_required and not is_ask,
    }
    if len(argument.choices) > _MOST_CHOICES:
        return option | {"autocomplete": True}
    if argument.choices:
        return option | {"choices": [_choice(choice) for choice in argument.choices]}
    return option


def _choice(choice: str) -> Json:
    return {"name": choice[:_LONGEST], "value": choice[:_LONGEST]}


def _shown(given: Json) -> Json:
    permissions = given.get("default_member_permissions")
    options: list[Json] = given.get("options") or []
    return {
        "type": given.get("type", _CHAT_INPUT),
        "name": given["name"],
        "description": given.get("description", ""),
        "options": [_option(one) for one in options],
        # Discord takes a number here, and answers with text.
        "default_member_permissions": None if permissions is None else int(permissions),
        "contexts": sorted(given.get("contexts") or []),
        "integration_types": sorted(given.get("integration_types") or []),
    }


def _option(given: Json) -> Json:
    choices: list[Json] = given.get("choices") or []
    return {
        "type": given.get("type"),
        "name": given.get("name"),
        "description": given.get("description"),
        "required": bool(given.get("required")),
        "autocomplete": bool(given.get("autocomplete")),
        "choices": [(choice["name"], choice["value"]) for choice in choices],
    }
