"""From a Python function's source to the JSON schema a model needs. Reads it, never runs it.

Types come from the signature, descriptions from the Google docstring, as in Letta.
"""

import ast
import re
from dataclasses import dataclass
from typing import Final

from agents.embedded.errors import Refused
from agents.embedded.records import Json

_HIDDEN: Final = ("self", "agent_state", "request_heartbeat")
_SCALARS: Final = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "Dict": "object",
    "list": "array",
    "List": "array",
    "Any": "string",
}


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
        raise Refused(f"The source code cannot be parsed: {error.msg}.") from error
    functions = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    if not functions:
        raise Refused("The source code defines no function.")
    return _describe(functions[-1])


def _describe(function: ast.FunctionDef | ast.AsyncFunctionDef) -> FunctionDescription:
    docstring = ast.get_docstring(function) or ""
    about, described = parse_google_docstring(docstring)
    if not about:
        raise Refused(f'"{function.name}" has no docstring to describe it.')
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    shown = [argument for argument in arguments if argument.arg not in _HIDDEN]
    properties = {argument.arg: _property(function.name, argument, described) for argument in shown}
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


def _with_default(arguments: ast.arguments) -> set[str]:
    positional = [*arguments.posonlyargs, *arguments.args]
    count = len(arguments.defaults)
    optional = {argument.arg for argument in positional[len(positional) - count :]}
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return optional | {argument.arg for argument, default in keyword if default is not None}


def _property(function: str, argument: ast.arg, described: dict[str, str]) -> Json:
    if argument.annotation is None:
        raise Refused(f'The argument "{argument.arg}" of "{function}" has no type.')
    about = described.get(argument.arg, "")
    return {**_schema_of(argument.annotation), "description": about}


def _schema_of(annotation: ast.expr) -> Json:
    if isinstance(annotation, ast.Subscript):
        return _generic(annotation)
    if isinstance(annotation, ast.BinOp):
        sides = [side for side in (annotation.left, annotation.right) if not _is_none(side)]
        return _schema_of(sides[0]) if sides else {"type": "null"}
    name = _name_of(annotation)
    if name not in _SCALARS:
        raise Refused(f'The type "{ast.unparse(annotation)}" cannot be shown to a model.')
    schema: Json = {"type": _SCALARS[name]}
    return {**schema, "items": {"type": "string"}} if schema["type"] == "array" else schema


def _generic(annotation: ast.Subscript) -> Json:
    name = _name_of(annotation.value)
    inner = annotation.slice
    if name in ("Optional", "Annotated"):
        return _schema_of(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
    if name in ("list", "List"):
        return {"type": "array", "items": _schema_of(inner)}
    if name in ("dict", "Dict"):
        return {"type": "object"}
    if name == "Literal":
        values = [ast.literal_eval(item) for item in _elements(inner)]
        return {"type": "string", "enum": values}
    if name == "Union":
        sides = [side for side in _elements(inner) if not _is_none(side)]
        return _schema_of(sides[0])
    raise Refused(f'The type "{ast.unparse(annotation)}" cannot be shown to a model.')


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
