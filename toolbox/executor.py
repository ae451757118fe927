"""Carries out tool calls within their limits; every failure is a result the agent can read."""

from __future__ import annotations

import asyncio
import difflib
import logging

from pydantic import ValidationError

from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import Turn
from toolbox.registry import Registry, Tool

log = logging.getLogger(__name__)

LONGEST_RESULT = 20_000
"""Characters of a result that the agent gets to read."""


class Executor:
    """The Toolbox over a registry: checks arguments, keeps time, cuts what is too long."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def specs(self, turn: Turn) -> tuple[ToolSpec, ...]:
        """Return all registered tools; none is reserved to some turns yet."""
        return self._registry.specs()

    async def call(self, turn: Turn, call: ToolCall) -> ToolResult:
        """Carry the call out; the result says plainly what failed, if something did."""
        tool = self._registry.get(call.name)
        if tool is None:
            return _failure(call, self._unknown(call.name))
        try:
            arguments = tool.arguments.model_validate_json(call.arguments or "{}")
        except ValidationError as error:
            return _failure(call, _sentence(error))
        keywords = {name: getattr(arguments, name) for name in tool.arguments.model_fields}
        if tool.turn_parameter is not None:
            keywords[tool.turn_parameter] = turn
        return await self._carry_out(tool, call, keywords)

    async def _carry_out(
        self, tool: Tool, call: ToolCall, keywords: dict[str, object]
    ) -> ToolResult:
        try:
            async with asyncio.timeout(tool.timeout_seconds):
                text = await tool.function(**keywords)
        except TimeoutError:
            return _failure(call, f"{call.name} was stopped after {tool.timeout_seconds:g} s.")
        except Exception as error:  # a tool's own fault is the agent's to read
            log.warning("tool_raised", extra={"tool": call.name, "call": call.id}, exc_info=True)
            return _failure(call, f"{call.name} failed: {type(error).__name__}: {error}")
        return ToolResult(call.id, _cut(text))

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._registry.names(), n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        return f'There is no tool "{name}".{hint}'


def _failure(call: ToolCall, text: str) -> ToolResult:
    return ToolResult(call.id, _cut(text), is_error=True)


def _sentence(error: ValidationError) -> str:
    problems = (
        f"{'.'.join(str(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
    return f"The arguments do not fit: {'; '.join(problems)}."


def _cut(text: str) -> str:
    if len(text) <= LONGEST_RESULT:
        return text
    return f"{text[:LONGEST_RESULT]}\n[cut: {len(text):,} characters in all]"
