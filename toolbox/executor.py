"""Carries out tool calls within their limits; every failure is a result the agent can read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping

from pydantic import ValidationError

from gateway.domain.tools import (
    Caller,
    Effect,
    ToolCall,
    ToolResult,
    ToolSpec,
    is_named,
    unknown_tool,
)
from gateway.domain.turns import Turn
from gateway.errors import PosternError
from toolbox.registry import Gift, Registry, Tool

log = logging.getLogger(__name__)

LONGEST_FAILURE = 2_000
"""Characters of an error that the agent gets to read."""


class Executor:
    """The Toolbox over a registry: checks arguments, keeps time, cuts what is too long.

    The tools of a registry take a Turn, or all of them a Caller.

    `allowed` names, by role, the only tools of that role, or how their names begin
    (`mcp_wiki_*`); a role that is not in it may use them all.
    """

    def __init__(
        self, registry: Registry, allowed: Mapping[str, Collection[str]] | None = None
    ) -> None:
        self._registry = registry
        self._allowed = allowed or {}

    def specs(self, turn: Turn | Caller) -> tuple[ToolSpec, ...]:
        """Return the tools that the agent of the turn may use."""
        return tuple(spec for spec in self._registry.specs() if self._may_use(turn, spec.name))

    async def call(self, turn: Turn | Caller, call: ToolCall) -> ToolResult:
        """Carry the call out; the result says plainly what failed, if something did."""
        tool = self._registry.get(call.name)
        if tool is None or not self._may_use(turn, call.name):
            return _failure(call, self._unknown(turn, call.name))
        try:
            keywords = tool.keywords(turn, call)
        except ValidationError as error:
            return _failure(call, _sentence(error))
        return await self._carry_out(tool, call, keywords)

    def _may_use(self, turn: Turn | Caller, name: str) -> bool:
        """Whether the role's own list, where it has one, names the tool."""
        return turn.role not in self._allowed or is_named(name, self._allowed[turn.role])

    async def _carry_out(
        self, tool: Tool, call: ToolCall, keywords: dict[str, object]
    ) -> ToolResult:
        try:
            async with asyncio.timeout(tool.options.timeout_seconds):
                returned = await tool.function(**keywords)
            gift = returned if isinstance(returned, Gift) else Gift(str(returned))
        except TimeoutError:
            return _failure(call, _stopped(tool))
        except PosternError as error:
            return _failure(call, str(error))
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            return _failure(call, f"{call.name} failed: it cancelled itself.")
        except (Exception, SystemExit) as error:  # a tool's own fault is the agent's to read
            log.warning("tool_raised", extra={"tool": call.name, "call": call.id}, exc_info=True)
            return _failure(call, f"{call.name} failed: {type(error).__name__}: {error}")
        text = _cut(gift.text, tool.options.longest_result)
        return ToolResult(call.id, text, buttons=gift.buttons, files=gift.files)

    def _unknown(self, turn: Turn | Caller, name: str) -> str:
        return unknown_tool(name, [spec.name for spec in self.specs(turn)])


def _is_cancelled() -> bool:
    """Whether the turn is to stop; a tool can raise the same out of itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _failure(call: ToolCall, text: str) -> ToolResult:
    return ToolResult(call.id, _cut(text, LONGEST_FAILURE), is_error=True)


def _sentence(error: ValidationError) -> str:
    problems = (
        f"{'.'.join(str(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
    return f"The arguments do not fit: {'; '.join(problems)}."


def _stopped(tool: Tool) -> str:
    text = f"{tool.spec.name} was stopped after {tool.options.timeout_seconds:g} s."
    if tool.options.effect is Effect.EXTERNAL:
        return f"{text} It may or may not have happened: look, or ask, before you call it again."
    return text


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[:longest]}\n[cut: {len(text):,} characters in all]"
