"""A typed Python function with a docstring becomes a tool; this is where they are kept."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from gateway.domain.tools import Effect, ToolSpec
from gateway.domain.turns import Turn

ToolFunction = Callable[..., Awaitable[str]]
"""An async function; its keyword parameters are the tool's, its docstring what the model reads.

A parameter of type Turn is no argument: it is the turn in which the tool is called.
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that agents may call, with the model that checks its arguments."""

    spec: ToolSpec
    arguments: type[BaseModel]
    function: ToolFunction
    timeout_seconds: float = 30.0
    turn_parameter: str | None = None
    """The parameter that takes the turn, where the function asks for it."""


class Registry:
    """Tools by name. Two tools of one name are refused when they are added."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """Add a tool; raises ValueError when its name is taken."""
        if tool.spec.name in self._tools:
            raise ValueError(f'There are two tools called "{tool.spec.name}"; rename one.')
        self._tools[tool.spec.name] = tool

    def get(self, name: str) -> Tool | None:
        """Return the tool of that name."""
        return self._tools.get(name)

    def names(self) -> list[str]:
        """Return the names of all tools, in the order they were added."""
        return list(self._tools)

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the model reads, in the order they were added."""
        return tuple(tool.spec for tool in self._tools.values())


def tool_from(
    function: ToolFunction, *, effect: Effect = Effect.PURE, timeout_seconds: float = 30.0
) -> Tool:
    """Make a tool of an async function whose parameters are annotated.

    Raises ValueError when a parameter has no annotation or the function no docstring.
    """
    name = function.__name__
    description = inspect.getdoc(function)
    if not description:
        raise ValueError(f'The tool "{name}" has no docstring; the model reads it to choose.')
    arguments = _arguments_model(function)
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    spec = ToolSpec(name=name, description=description, parameters=schema, effect=effect)
    return Tool(spec, arguments, function, timeout_seconds, _turn_parameter(function))


def _turn_parameter(function: ToolFunction) -> str | None:
    hints = get_type_hints(function)
    return next((name for name, hint in hints.items() if hint is Turn), None)


def _arguments_model(function: ToolFunction) -> type[BaseModel]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}  # create_model takes (type, default) pairs of any type
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise ValueError(
                f'The parameter "{parameter.name}" of the tool "{function.__name__}" has no type.'
            )
        if hints[parameter.name] is Turn:
            continue
        has_default = parameter.default is not inspect.Parameter.empty
        fields[parameter.name] = (hints[parameter.name], parameter.default if has_default else ...)
    name = f"{function.__name__}_arguments"
    return create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
