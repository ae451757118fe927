"""What a foreign server lists → the tools that agents get. Pure, but for what a tool does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, model_validator
from pydantic_core import PydanticCustomError

from gateway.domain.tools import Effect, ToolSpec
from gateway.domain.turns import Turn
from toolbox.foreign.arguments import wrong_arguments
from toolbox.foreign.protocol import Listed
from toolbox.foreign.schemas import Json, Unfit, is_object, taken
from toolbox.foreign.wording import cleaned, tool_name
from toolbox.registry import Approval, Options, Tool, version_of

LONGEST_DESCRIPTION = 1_000
MOST_TOOLS = 100
"""Of one server. Every turn carries them all; `tools` in the settings chooses."""
ALL = "*"

Carry = Callable[[Turn, str, Json], Awaitable[str]]
"""Calls a tool of the server, by the server's own name, with arguments that were checked."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms agents use a server's tools. Lists hold the server's own names, or `*`."""

    only: Collection[str] | None = None
    """None for all that it has."""
    pure: Collection[str] = ()
    idempotent: Collection[str] = ()
    approve: Collection[str] = ()
    """Need somebody's yes."""
    timeout_seconds: float = 30.0
    longest_result: int = 20_000
    """Characters."""

    def effect(self, name: str) -> Effect:
        """Return what a repeated call would do; harm, where the operator says nothing else."""
        if _holds(self.pure, name):
            return Effect.PURE
        return Effect.IDEMPOTENT if _holds(self.idempotent, name) else Effect.EXTERNAL


@dataclass(frozen=True, slots=True)
class Offer:
    """What became of a server's list."""

    tools: tuple[Tool, ...] = ()
    left_out: tuple[str, ...] = ()
    """Sentences on the tools that agents do not get, and why."""


@dataclass(slots=True)
class _Sorting:
    """An offer in the making."""

    tools: dict[str, Tool] = field(default_factory=dict[str, Tool])
    left_out: list[str] = field(default_factory=list[str])

    def leave(self, name: str, reason: str) -> None:
        """Note a tool that is not offered."""
        self.left_out.append(f'"{cleaned(name, 60)}": {reason}')


def offer(server: str, listed: Iterable[Listed], terms: Terms, carry: Carry) -> Offer:
    """Return the tools, in the order of their names, so that every process offers the same."""
    sorting = _Sorting()
    for each in sorted(listed, key=lambda each: each.name):
        if terms.only is not None and not _holds(terms.only, each.name):
            continue
        if len(sorting.tools) >= MOST_TOOLS:
            sorting.leave(each.name, f"{MOST_TOOLS} tools are the most")
            continue
        try:
            tool = _tool(server, each, terms, carry)
        except Unfit as error:
            sorting.leave(each.name, str(error))
            continue
        if sorting.tools.setdefault(tool.spec.name, tool) is not tool:
            sorting.leave(each.name, "another one has its name")
    return Offer(tuple(sorting.tools.values()), tuple(sorting.left_out))


def _tool(server: str, listed: Listed, terms: Terms, carry: Carry) -> Tool:
    name, schema = tool_name(server, listed.name), taken(listed.inputSchema)
    about = cleaned(listed.description or "", LONGEST_DESCRIPTION) or "Its server says no more."
    description = f'Tool of the MCP server "{server}", which describes it so: {about}'
    needs_approval = _holds(terms.approve, listed.name)
    effect = terms.effect(listed.name)

    async def function(turn: Turn, given: dict[str, Any]) -> str:
        return await carry(turn, listed.name, given)

    spec = ToolSpec(
        name=name,
        description=description,
        parameters=schema,
        effect=effect,
        needs_approval=lambda _: needs_approval,
        version=version_of(name, description, schema),
    )
    options = Options(
        effect,
        # The connection keeps the time itself, and then has a last word with the server.
        terms.timeout_seconds + _LAST_WORDS_SECONDS,
        terms.longest_result + _FENCE,
        Approval.ALWAYS if needs_approval else Approval.NEVER,
    )
    return Tool(spec, _arguments(schema), function, options, {"turn": Turn})


_LAST_WORDS_SECONDS = 60.0
_FENCE = 2_000
"""Characters of the lines around a result; the result itself was cut before."""


def _arguments(schema: Json) -> type[BaseModel]:
    """Return a model with one field, `given`: the arguments, when they fit the schema."""

    class Arguments(BaseModel):
        given: dict[str, Any]

        @model_validator(mode="before")
        @classmethod
        def _fitting(cls, data: object) -> object:
            if not is_object(data):
                raise PydanticCustomError("arguments", "They have to be an object")
            if wrong := wrong_arguments(schema, data):
                raise PydanticCustomError("arguments", "{wrong}", {"wrong": wrong.rstrip(".")})
            return {"given": data}

    return Arguments


def _holds(names: Collection[str], name: str) -> bool:
    return name in names or ALL in names
