"""A typed Python function with a docstring becomes a tool; this is where they are kept."""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button
from gateway.domain.tools import Caller, Effect, ToolCall, ToolSpec
from gateway.domain.turns import Turn
from gateway.errors import SettingsWrong
from toolbox.docstrings import read_docstring

log = logging.getLogger(__name__)

ENTRY_POINTS = "postern.tools"
"""The group of entry points by which other packages bring tools."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What a tool returns that also gives something to the answer of its turn."""

    text: str
    """What the agent reads."""
    buttons: tuple[Button, ...] = ()
    files: tuple[Attachment, ...] = ()


ToolFunction = Callable[..., Awaitable[str | Gift]]
"""An async function; its keyword parameters are the tool's, its docstring what the model reads.

A parameter of type Turn or ToolCall is no argument: it is the turn in which the
tool is called, or this very call, whose id is the same in every repeat. Tools that are
called from outside of turns have a Caller instead of a Turn.
"""

_GIVEN = (Turn, ToolCall, Caller)


class Approval(Enum):
    """When a tool needs somebody's yes; a predicate over its arguments is the third way."""

    NEVER = "never"
    ALWAYS = "always"


Policy = Approval | Callable[..., bool]


@dataclass(frozen=True, slots=True)
class Options:
    """How a tool is carried out."""

    effect: Effect = Effect.PURE
    timeout_seconds: float = 30.0
    longest_result: int = 20_000
    """Characters of a result that the agent gets to read."""
    approval: Policy = Approval.NEVER


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that agents may call, with the model that checks its arguments."""

    spec: ToolSpec
    arguments: type[BaseModel]
    function: ToolFunction
    options: Options = Options()
    given: Mapping[str, type] = field(default_factory=dict[str, type])
    """Parameters that are no arguments, with what they take: Turn, Caller or ToolCall."""

    def keywords(self, turn: Turn | Caller, call: ToolCall) -> dict[str, object]:
        """Check the arguments; returns what to call the function with. Raises ValidationError."""
        checked = _checked(self.arguments, call)
        gifts: dict[type, object] = {type(turn): turn, ToolCall: call}
        return {**checked, **{name: gifts[kind] for name, kind in self.given.items()}}

    def with_longest_result(self, characters: int) -> Tool:
        """Return the tool with more, or less, of its result to read."""
        return replace(self, options=replace(self.options, longest_result=characters))


class Registry:
    """Tools by name. Two tools of one name are refused when they are added."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        self._lent: dict[str, tuple[Tool, ...]] = {}
        """Tools that come and go, by whose they are."""
        self._all: dict[str, Tool] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """Add a tool; raises ValueError when its name is taken."""
        if tool.spec.name in self._tools:
            raise ValueError(f'There are two tools called "{tool.spec.name}"; rename one.')
        self._tools[tool.spec.name] = tool
        self._count()

    def lend(self, lender: str, tools: Iterable[Tool]) -> None:
        """Put these in the place of what the lender lent before; a name that is taken stays so."""
        self._lent[lender] = tuple(tools)
        self._count()

    def get(self, name: str) -> Tool | None:
        """Return the tool of that name."""
        return self._all.get(name)

    def names(self) -> list[str]:
        """Return the names of all tools, in the order they were added; lent ones come last."""
        return list(self._all)

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the model reads, in the same order."""
        return tuple(tool.spec for tool in self._all.values())

    def _count(self) -> None:
        found = dict(self._tools)
        for tool in (tool for lent in self._lent.values() for tool in lent):
            found.setdefault(tool.spec.name, tool)
        self._all = found


def tool_from(
    function: ToolFunction,
    *,
    effect: Effect = Effect.PURE,
    timeout_seconds: float = 30.0,
    approval: Policy = Approval.NEVER,
) -> Tool:
    """Make a tool of an async function whose parameters are annotated.

    Raises ValueError when a parameter has no annotation or the function no docstring.
    """
    name = function.__name__
    docstring = inspect.getdoc(function)
    if not docstring:
        raise ValueError(f'The tool "{name}" has no docstring; the model reads it to choose.')
    description, about = read_docstring(docstring)
    arguments, given = _arguments_model(function, about)
    schema = arguments.model_json_schema()
    schema.pop("title", None)
    spec = ToolSpec(
        name=name,
        description=description,
        parameters=schema,
        effect=effect,
        needs_approval=_needs_approval(approval, arguments),
        version=version_of(name, description, schema),
    )
    options = Options(effect, timeout_seconds, approval=approval)
    return Tool(spec, arguments, function, options, given)


def third_party_tools(points: Iterable[EntryPoint] | None = None) -> list[Tool]:
    """Return the tools of other packages: each entry point is a Tool, a function, or a list.

    Raises SettingsWrong, with the entry point's name, for one that can not be used.
    """
    found = entry_points(group=ENTRY_POINTS) if points is None else points
    return [tool for point in found for tool in _tools_of(point)]


def _tools_of(point: EntryPoint) -> list[Tool]:
    try:
        loaded: Any = point.load()  # whatever the package has there
        several = cast("list[Any]", loaded) if isinstance(loaded, list) else [loaded]
        return [each if isinstance(each, Tool) else tool_from(each) for each in several]
    except Exception as error:  # a package's own fault, told to the operator
        raise SettingsWrong(
            f'The tools of the entry point "{point.name}" ({point.value}) can not be used: {error}'
        ) from error


def _checked(model: type[BaseModel], call: ToolCall) -> dict[str, object]:
    arguments = model.model_validate_json(call.arguments or "{}")
    return {name: getattr(arguments, name) for name in model.model_fields}


def _needs_approval(policy: Policy, model: type[BaseModel]) -> Callable[[ToolCall], bool]:
    """Return the policy as a question about a call. What can not be judged needs a yes."""
    if isinstance(policy, Approval):
        return lambda _: policy is Approval.ALWAYS

    def judge(call: ToolCall) -> bool:
        try:
            return bool(policy(**_checked(model, call)))
        except ValidationError:
            return False  # it will not be carried out at all
        except Exception:  # a predicate's own fault must not open the gate
            log.exception("approval_policy_raised", extra={"tool": call.name})
            return True

    return judge


def version_of(name: str, description: str, schema: Mapping[str, object]) -> str:
    """Return a short hash that changes with what the model reads of a tool."""
    text = json.dumps([name, description, schema], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _arguments_model(
    function: ToolFunction, about: Mapping[str, str]
) -> tuple[type[BaseModel], dict[str, type]]:
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}  # create_model takes (type, default) pairs of any type
    given: dict[str, type] = {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints.get(parameter.name)
        if hint is None:
            raise ValueError(
                f'The parameter "{parameter.name}" of the tool "{function.__name__}" has no type.'
            )
        if hint in _GIVEN:
            given[parameter.name] = hint
            continue
        has_default = parameter.default is not inspect.Parameter.empty
        default = parameter.default if has_default else ...
        description = about.get(parameter.name)
        fields[parameter.name] = (hint, Field(default, description=description))
    config = ConfigDict(extra="forbid")
    return create_model(f"{function.__name__}_arguments", __config__=config, **fields), given
