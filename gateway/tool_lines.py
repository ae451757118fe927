"""What people see of an agent's tools while it works: one line, or one for each call. No I/O."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from gateway.domain.tools import ToolCall, ToolResult

LONGEST_ARGUMENTS = 80


class ToolLevel(StrEnum):
    """How much of it people see."""

    OFF = "off"
    SUMMARY = "summary"
    """One line: what is being used, or has been."""
    ALL = "all"
    """A line for each call, with the beginning of its arguments."""


class ToolLines:
    """The calls of a turn and how each of them stands."""

    def __init__(self, level: ToolLevel) -> None:
        self._level = level
        self._calls: dict[str, tuple[ToolCall, str]] = {}
        self.changed = asyncio.Event()

    def begin(self, call: ToolCall) -> None:
        """Note that a call is being carried out."""
        self._stands(call, "…")

    def end(self, call: ToolCall, result: ToolResult) -> None:
        """Note how a call went."""
        self._stands(call, " ✗" if result.is_error else " ✓")

    def used(self, name: str) -> None:
        """Note a tool that the agent's own server carried out."""
        self._stands(ToolCall(f"{len(self._calls)} {name}", name, ""), " ✓")

    @property
    def text(self) -> str:
        """Markdown; empty when nothing is to be shown."""
        if self._level is ToolLevel.OFF or not self._calls:
            return ""
        if self._level is ToolLevel.ALL:
            return "\n".join(_line(call, mark) for call, mark in self._calls.values())
        names = {f"{_plain(call.name)}{mark}": None for call, mark in self._calls.values()}
        return f"_{', '.join(names)}_"

    def _stands(self, call: ToolCall, mark: str) -> None:
        self._calls[call.id] = call, mark
        self.changed.set()


def _line(call: ToolCall, mark: str) -> str:
    arguments = _plain(call.arguments)
    if len(arguments) > LONGEST_ARGUMENTS:
        arguments = f"{arguments[:LONGEST_ARGUMENTS]}…"
    return f"- `{_plain(call.name)} {arguments}`{mark}"


def _plain(text: str) -> str:
    """Leave out what could end a code span or begin a line."""
    kept = (character if character.isprintable() else " " for character in text)
    return "".join(kept).replace("`", "'").strip()
