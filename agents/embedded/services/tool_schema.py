"""From a Python function's source to the JSON schema a model needs. Reads it, never runs it.

Types come from the signature, descriptions from the Google docstring, as in Letta.
"""

import ast
import re
from dataclasses import dataclass
from typing import Final

from agents.embedded.errors import Refused
from agents.embedded.records import Json
from agents.embedded.services.tool_types import CannotBeShown, Types, models_in

_HIDDEN: Final = ("self", "agent_state", "request_heartbeat")


@dataclass(frozen=True, slots=True)
class FunctionDescription:
    """What a model is told about a function."""

    name: str
    description: str
    parameters: Json


def describe_function(source: str) -> FunctionDescription:
    """Describe the source's last function; Refused when it cannot be described."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise Refused(
            f"The source code cannot be parsed: {error.msg} (line {error.lineno or 1})."
        ) from error
    functions = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    if not functions:
        raise Refused("The source code defines no function.")
    return _describe(functions[-1], Types(models_in(tree)))


def _describe(
    function: ast.FunctionDef | ast.AsyncFunctionDef, types: Types
) -> FunctionDescription:
    docstring = ast.get_docstring(function) or ""
    about, described = parse_google_docstring(docstring)
    if not about:
        raise Refused(
            f'"{function.name}" has no docstring to describe it (line {function.lineno}).'
        )
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    shown = [argument for argument in arguments if argument.arg not in _HIDDEN]
    properties = {
        argument.arg: _property(types, function.name, argument, described) for argument in shown
    }
    optional = _with_default(function.args)
    required = [argument.arg for argument in shown if argument.arg not in optional]
    schema: Json = {"type": "object", "properties": properties, "required": required}
    return FunctionDescription(function.name, about, schema)


def parse_google_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """The text before the sections, and the description of each argument."""
    about, _, rest = docstring.partition("Args:")
    about = re.split(r"\n\s*(?:Returns|Raises|Example\w*):", about)[0]
    section = re.split(r"\n\s*(?:Returns|Raises|Yields|Example\w*):", rest)[0]
    described: dict[str, str] = {}
    last = ""
    for line in section.splitlines():
        match = re.match(r"\s*(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line)
        if match:
            last = match.group(1)
            described[last] = match.group(2).strip()
        elif last and line.strip():
            described[last] += f" {line.strip()}"
    return about.strip(), described


def _property(types: Types, function: str, argument: ast.arg, described: dict[str, str]) -> Json:
    line = argument.lineno
    if argument.annotation is None:
        raise Refused(f'The argument "{argument.arg}" of "{function}" has no type (line {line}).')
    about = described.get(argument.arg, "")
    try:
        return {**types.schema(argument.annotation), "description": about}
    except CannotBeShown as error:
        raise Refused(f'{error} It is the type of "{argument.arg}" (line {line}).') from error


def _with_default(arguments: ast.arguments) -> set[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    count = len(arguments.defaults)
    optional = {argument.arg for argument in positional[len(positional) - count :]}
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return optional | {argument.arg for argument, default in keyword if default is not None}
