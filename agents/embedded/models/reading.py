"""How the models that are no language models read their context. Pure."""

import json
import re
from collections.abc import Sequence

from agents.embedded.models.model import ModelRequest
from agents.embedded.records import (
    AssistantSaid,
    Body,
    Content,
    Message,
    SystemSaid,
    ToolReturn,
    ToolsReturned,
    Usage,
    UserSaid,
)
from gateway.text.silence import SILENCE_NOTE


def text_of(content: Content) -> str:
    """The text in a content; images and files become a word in brackets."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text") or f"[{part.get('type', 'part')}]") for part in content)


def turn_start(messages: Sequence[Message]) -> int:
    """Where the current turn begins: the first of the last run of user messages."""
    start = len(messages)
    for index in range(len(messages) - 1, -1, -1):
        if isinstance(messages[index].body, UserSaid):
            start = index
        elif start < len(messages):
            break
    return start


_HEADER = re.compile(r"\[[^\[\]]+ on \w+, \d{4}-\d\d-\d\d \d\d:\d\d UTC[^\[\]]*\]")


def asked(messages: Sequence[Message]) -> str:
    """What the person said in this turn."""
    bodies = [message.body for message in messages[turn_start(messages) :]]
    said = [text_of(body.content) for body in bodies if isinstance(body, UserSaid)]
    return "\n".join(_without_notes(text) for text in said).strip()


def _without_notes(text: str) -> str:
    """Leave out what a gateway adds: who wrote, where and when; how to answer with silence."""
    first, _, rest = text.partition("\n")
    said = rest if _HEADER.fullmatch(first) else text
    return said.rstrip().removesuffix(SILENCE_NOTE).rstrip()


def returned(messages: Sequence[Message]) -> list[tuple[ToolReturn, ...]]:
    """What the tools answered in this turn, step by step."""
    groups: list[tuple[ToolReturn, ...]] = []
    for message in messages[turn_start(messages) :]:
        if isinstance(message.body, AssistantSaid) and message.body.calls:
            groups.append(())
        elif isinstance(message.body, ToolsReturned) and groups:
            groups[-1] += message.body.returns
    return groups


def is_first_contact(request: ModelRequest) -> bool:
    """Whether the agent has not said a word yet."""
    bodies = [message.body for message in request.messages]
    said = any(isinstance(body, AssistantSaid) and body.text for body in bodies)
    return not said and not request.summary


def words_of(text: str) -> list[str]:
    """The text in pieces of one word with the space after it; joined they are the text."""
    return re.findall(r"\s*\S+(?:\s+$)?|\s+", text)


def parse_call(line: str) -> tuple[str, str] | None:
    """`call NAME {json}`: the name and the arguments, or None when it is no such line."""
    match = re.fullmatch(r"call ([A-Za-z0-9_.-]+)\s*(\{.*\})?", line.strip())
    if match is None:
        return None
    arguments = match.group(2) or "{}"
    try:
        json.loads(arguments)
    except ValueError:
        return None
    return match.group(1), arguments


def estimate_usage(system: str, messages: Sequence[Message], said: str) -> Usage:
    """Tokens at four characters each: what a model without a tokenizer can say."""
    size = len(system) + sum(_length(message.body) for message in messages[-20:])
    return Usage(prompt_tokens=size // 4, completion_tokens=max(1, len(said) // 4))


def _length(body: Body) -> int:
    match body:
        case UserSaid(content) | SystemSaid(content):
            return len(text_of(content))
        case AssistantSaid(text, reasoning, calls):
            return len(text) + len(reasoning) + sum(len(call.arguments) for call in calls)
        case ToolsReturned(returns):
            return sum(len(item.text) for item in returns)
