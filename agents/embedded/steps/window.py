"""What fits into the model's window: sizes, where history is cut, what is left out. Pure.

Sizes are estimates that err upwards: a token for every three bytes of UTF-8.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agents.embedded.models.model import ModelRequest, OfferedTool
from agents.embedded.models.reading import text_of
from agents.embedded.records import (
    AssistantSaid,
    Body,
    Content,
    Message,
    SystemSaid,
    ToolsReturned,
    UserSaid,
)

_BYTES_PER_TOKEN: Final = 3
_PER_MESSAGE: Final = 8
_PER_IMAGE: Final = 1500
_LONGEST_REPLY: Final = 4096


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens history and its summary may take together."""

    tokens: int

    @property
    def after_cut(self) -> int:
        """What history shrinks to when it is cut, so that it is not cut every turn."""
        return self.tokens // 2

    @property
    def summary_characters(self) -> int:
        """How long a summary may be."""
        return max(200, self.tokens // 5 * _BYTES_PER_TOKEN)


def room_in(window: int, request: ModelRequest) -> Room:
    """What is left of a window beside instructions, memory, tools and the reply.

    Never less than an eighth: whoever fills the window with memory blocks gets the
    endpoint's own refusal.
    """
    reply = min(window // 4, _LONGEST_REPLY)
    fixed = tokens_of(request.system) + sum(_tool_tokens(tool) for tool in request.tools)
    return Room(max(window - reply - fixed, window // 8))


def tokens_of(text: str) -> int:
    """The estimated tokens of a text."""
    return len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN + 1


def message_tokens(message: Message) -> int:
    """The estimated tokens of a message; every image counts the same."""
    body = message.body
    match body:
        case UserSaid(content) | SystemSaid(content):
            images = 0 if isinstance(content, str) else sum(map(_is_image, content))
            return _PER_MESSAGE + tokens_of(text_of(content)) + images * _PER_IMAGE
        case AssistantSaid():
            calls = sum(_PER_MESSAGE + tokens_of(call.name + call.arguments) for call in body.calls)
            return _PER_MESSAGE + tokens_of(body.text) + calls
        case ToolsReturned(returns):
            return sum(_PER_MESSAGE + tokens_of(item.text) for item in returns)


def total_tokens(history: Sequence[Message]) -> int:
    """The estimated tokens of a history."""
    return sum(message_tokens(message) for message in history)


def cut_before(history: Sequence[Message], room: Room) -> int:
    """How many of the oldest messages to summarise; 0 when there is nothing to gain.

    Cuts only where somebody speaks, and never into the turn that is going on.
    """
    latest = turn_opening(history)
    left = total_tokens(history)
    for index, message in enumerate(history[:latest]):
        if index and can_open(message) and left <= room.after_cut:
            return index
        left -= message_tokens(message)
    return latest


def turn_opening(history: Sequence[Message]) -> int:
    """Where the turn that is going on begins: the last messages that somebody sent together."""
    start = len(history)
    for index in range(len(history) - 1, -1, -1):
        if can_open(history[index]):
            start = index
        elif start < len(history):
            break
    return 0 if start == len(history) else start


def can_open(message: Message) -> bool:
    """Whether a window may begin with this message."""
    return isinstance(message.body, UserSaid | SystemSaid)


def fitted(history: Sequence[Message], room: Room) -> list[Message]:
    """History made to fit, whatever it is: giants are shortened, then the oldest steps go.

    The newest message that somebody sent stays in any case, and calls stay with their answers.
    """
    if total_tokens(history) <= room.tokens:
        return list(history)
    limit = max(room.tokens // 4, 64)
    shortened = [_shortened(message, limit) for message in history]
    left = room.tokens - total_tokens(shortened)
    if left >= 0:
        return shortened
    groups = _steps(shortened)
    asked = max((n for n, group in enumerate(groups) if can_open(group[0])), default=-1)
    kept: list[list[Message]] = []
    for number, group in enumerate(groups):
        if left < 0 and number not in (asked, len(groups) - 1):
            left += total_tokens(group)
            continue
        kept.append(group)
    return [message for group in kept for message in group]


def _steps(history: Sequence[Message]) -> list[list[Message]]:
    groups: list[list[Message]] = []
    for message in history:
        if isinstance(message.body, ToolsReturned) and groups:
            groups[-1].append(message)
        else:
            groups.append([message])
    return groups


def _shortened(message: Message, limit: int) -> Message:
    if message_tokens(message) <= limit:
        return message
    return replace(message, body=_shorter_body(message.body, limit * _BYTES_PER_TOKEN))


def _shorter_body(body: Body, characters: int) -> Body:
    match body:
        case UserSaid(content):
            return UserSaid(_shorter_content(content, characters))
        case SystemSaid(content):
            return SystemSaid(_shorter_content(content, characters))
        case AssistantSaid():
            return replace(body, text=shorter(body.text, characters))
        case ToolsReturned(returns):
            each = characters // len(returns)
            return ToolsReturned(
                tuple(replace(item, text=shorter(item.text, each)) for item in returns)
            )


def _shorter_content(content: Content, characters: int) -> Content:
    if isinstance(content, str):
        return shorter(content, characters)
    return [
        part
        if _is_image(part)
        else {**part, "text": shorter(str(part.get("text", "")), characters)}
        for part in content
    ]


def shorter(text: str, size: int) -> str:
    """The beginning and the end of a text that is longer than so many bytes; says so inside."""
    data = text.encode("utf-8", "replace")
    if len(data) <= size:
        return text
    note = f"\n[… {len(data) - size} bytes left out …]\n"
    half = max(size - len(note), 0) // 2
    head = data[:half].decode("utf-8", "ignore")
    tail = data[len(data) - half :].decode("utf-8", "ignore")
    return f"{head}{note}{tail}"


def _is_image(part: dict[str, object]) -> bool:
    return part.get("type") == "image"


def _tool_tokens(tool: OfferedTool) -> int:
    return tokens_of(tool.name + tool.description + json.dumps(tool.parameters)) + _PER_MESSAGE
