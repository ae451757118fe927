"""One small language in which tests tell agents what to do, understood by every runtime.

A directive a line: `say TEXT`, `words N`, `think TEXT`, `sleep SECONDS`, `drip SECONDS`,
`fail STATUS`, `call NAME {json}`. Anything else is echoed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from agents.scripted import Ask, Fail, Say, Step, Think, Wait
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import RunRequest


@dataclass(slots=True)
class Directives:
    """What one message asks for."""

    text: str
    think: str = ""
    sleep_seconds: float = 0.0
    drip_seconds: float = 0.0
    fail_status: int | None = None
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def read_directives(message: str) -> Directives:
    """Read the directives of a message; without any, the agent echoes it."""
    found = Directives(text=f"echo: {message}")
    for line in message.splitlines():
        verb, _, rest = line.partition(" ")
        match verb:
            case "say":
                found.text = rest
            case "words":
                found.text = " ".join(f"w{number}" for number in range(int(rest)))
            case "think":
                found.think = rest
            case "sleep":
                found.sleep_seconds = float(rest)
            case "drip":
                found.drip_seconds = float(rest)
            case "fail":
                found.fail_status = int(rest)
            case "call":
                found.calls.append(_read_call(rest))
            case _:
                pass
    return found


def pieces_of(text: str) -> list[str]:
    """Cut a text into words, each with the space behind it."""
    return re.findall(r"\S+\s*|\s+", text)


def follow_directives(request: RunRequest) -> Iterable[Step]:
    """Be a scripted agent that understands the language."""
    results = [item for item in request.input if isinstance(item, ToolResult)]
    if results:
        return (Say("tool said: " + " | ".join(result.text for result in results)),)
    directives = read_directives("\n".join(item.text for item in request.input))
    return tuple(_steps(request.otid, directives))


def _steps(otid: str, directives: Directives) -> Iterable[Step]:
    if directives.think:
        yield Think(directives.think)
    yield Wait(directives.sleep_seconds)
    if directives.fail_status:
        yield Fail(kind="llm_error")
    if directives.calls:
        yield Ask(
            tuple(
                ToolCall(f"call-{otid}-{number}", name, arguments)
                for number, (name, arguments) in enumerate(directives.calls)
            )
        )
    yield Say(directives.text, pause_seconds=directives.drip_seconds)


def _read_call(rest: str) -> tuple[str, str]:
    name, _, arguments = rest.partition(" ")
    return name, json.dumps(json.loads(arguments or "{}"))
