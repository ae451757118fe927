"""What Discord is told at once about an interaction that a worker reads later. Pure and light.

The same as the adapter says where it stands behind the route itself; a test holds them equal.
"""

from __future__ import annotations

from typing import Any, cast

PING, COMPLETION = 1, 4
_COMMAND, _COMPONENT, _WINDOW = 2, 3, 5
_OF_A_MESSAGE = 3
_BOT_DM = 1
_EPHEMERAL = 64
_ASK = "ask"
_FORM = "form:"
"""How the custom id of a button begins that opens a form."""
OPEN_COMMANDS = (_ASK, "bg", "retry")
"""What all may see the answer of; as the commands' own specs say."""

Json = dict[str, Any]

PONG: Json = {"type": 1}
NO_CHOICES: Json = {"type": 8, "data": {"choices": []}}
"""Completions come from a worker, which is not asked: Discord waits for no one."""
NO_FORM: Json = {
    "type": 4,
    "data": {
        "content": "I can't open this form here. Please write what you want to say.",
        "flags": _EPHEMERAL,
        "allowed_mentions": {"parse": []},
    },
}
"""What is in a form's window is known where deliveries are read: Discord waits for no one."""
ASK_WINDOW: Json = {
    "type": 9,
    "data": {
        "custom_id": "ask",
        "title": "Ask your agent",
        "components": [
            {
                "type": 18,
                "label": "What do you want to say?",
                "component": {
                    "type": 4,
                    "custom_id": "text",
                    "style": 2,
                    "required": True,
                    "max_length": 4_000,
                },
            }
        ],
    },
}


def first_answer(interaction: Json) -> Json | None:
    """Return the answer; None for an interaction of a kind that we do not know."""
    match interaction.get("type"):
        case 1:
            return PONG
        case 4:
            return NO_CHOICES
        case 2 if _asks_nothing(interaction):
            return ASK_WINDOW
        case 3 if str(_data(interaction).get("custom_id")).startswith(_FORM):
            return NO_FORM
        case 2 | 3 | 5:
            is_private = _is_private(interaction) and interaction.get("context") != _BOT_DM
            return {"type": 5, "data": {"flags": _EPHEMERAL if is_private else 0}}
        case _:
            return None


def is_for_a_worker(answer: Json) -> bool:
    """Whether the answer is only the first one."""
    return answer["type"] == 5


def _asks_nothing(interaction: Json) -> bool:
    data = _data(interaction)
    options = cast("list[object]", data.get("options") or [])  # JSON
    said = "".join(str(_object(each).get("value", "")) for each in options)
    return data.get("name") == _ASK and data.get("type") != _OF_A_MESSAGE and not said.strip()


def _is_private(interaction: Json) -> bool:
    """Whether what follows is for who asks alone."""
    data = _data(interaction)
    match interaction["type"]:
        case 2:
            return data.get("name") not in OPEN_COMMANDS
        case 3:
            return _was_private(interaction) or _is_private_command(str(data.get("custom_id")))
        case _:
            return False


def _was_private(interaction: Json) -> bool:
    flags: object = _object(interaction.get("message")).get("flags")
    return isinstance(flags, int) and bool(flags & _EPHEMERAL)


def _is_private_command(custom_id: str) -> bool:
    """Look behind the signature, which the worker checks."""
    says = custom_id.partition(":")[2]
    return says.startswith("/") and says[1:].partition(" ")[0].lower() not in OPEN_COMMANDS


def _data(interaction: Json) -> Json:
    return _object(interaction.get("data"))


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}  # JSON has texts as keys
