"""From a type hint to the JSON schema of its values, as Letta 0.16.8 maps them. Pure."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agents.embedded.records import Json

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
_LITERALS: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
}


class CannotBeShown(Exception):
    """A type that has no place in a JSON schema."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__(f'The type "{ast.unparse(node)}" cannot be shown to a model.')


@dataclass(frozen=True, slots=True)
class Types:
    """What type hints of one source mean; `models` are its pydantic models by name."""

    models: Mapping[str, ast.ClassDef] = field(default_factory=dict[str, ast.ClassDef])
    _open: tuple[str, ...] = ()
    """Models that are being described: one inside itself cannot be."""

    def schema(self, hint: ast.expr) -> Json:
        """The schema of a hint; raises CannotBeShown."""
        if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
            return self.schema(ast.parse(hint.value, mode="eval").body)
        if isinstance(hint, ast.Subscript):
            return self._generic(hint)
        if isinstance(hint, ast.BinOp):
            return self._one_of([hint.left, hint.right], hint)
        name = name_of(hint)
        if name in self.models:
            return self._model(self.models[name], hint)
        if name not in _SCALARS:
            raise CannotBeShown(hint)
        schema: Json = {"type": _SCALARS[name]}
        return {**schema, "items": {"type": "string"}} if schema["type"] == "array" else schema

    def _generic(self, hint: ast.Subscript) -> Json:
        name, inner = name_of(hint.value), _elements(hint.slice)
        match name:
            case "Optional" | "Annotated":
                return self.schema(inner[0])
            case "list" | "List":
                return {"type": "array", "items": self.schema(inner[0])}
            case "tuple" | "Tuple":
                return self._tuple(inner, hint)
            case "dict" | "Dict":
                return {"type": "object"}
            case "Literal":
                return _literal([ast.literal_eval(item) for item in inner], hint)
            case "Union":
                return self._one_of(inner, hint)
            case _:
                raise CannotBeShown(hint)

    def _one_of(self, sides: list[ast.expr], hint: ast.expr) -> Json:
        kinds = [side for side in sides if not _is_none(side)]
        if len(kinds) != 1:
            raise CannotBeShown(hint)
        return self.schema(kinds[0])

    def _tuple(self, inner: list[ast.expr], hint: ast.expr) -> Json:
        if any(isinstance(item, ast.Constant) for item in inner):
            raise CannotBeShown(hint)
        items = [self.schema(item) for item in inner]
        return {
            "type": "array",
            "prefixItems": items,
            "minItems": len(items),
            "maxItems": len(items),
        }

    def _model(self, model: ast.ClassDef, hint: ast.expr) -> Json:
        if model.name in self._open:
            raise CannotBeShown(hint)
        inside = Types(self.models, (*self._open, model.name))
        properties: Json = {}
        required: list[str] = []
        for line in model.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                about = _described(line)
                properties[line.target.id] = {**inside.schema(line.annotation), **about}
                if _is_required(line):
                    required.append(line.target.id)
        return {"type": "object", "properties": properties, "required": required}


def models_in(tree: ast.Module) -> dict[str, ast.ClassDef]:
    """The pydantic models a source defines."""
    found: dict[str, ast.ClassDef] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = {name_of(base) for base in node.bases}
            if "BaseModel" in bases or bases & set(found):
                found[node.name] = node
    return found


def name_of(node: ast.expr) -> str:
    """The last part of a name; empty for what is none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _literal(values: list[object], hint: ast.expr) -> Json:
    kinds = {_LITERALS.get(type(value)) for value in values}
    kind = kinds.pop()
    if kinds or kind is None:
        raise CannotBeShown(hint)
    return {"type": kind, "enum": values}


def _field(line: ast.AnnAssign) -> ast.Call | None:
    value = line.value
    return value if isinstance(value, ast.Call) and name_of(value.func) == "Field" else None


def _described(line: ast.AnnAssign) -> Json:
    given = _field(line)
    for keyword in given.keywords if given else []:
        if keyword.arg == "description" and isinstance(keyword.value, ast.Constant):
            return {"description": str(keyword.value.value)}
    return {}


def _is_required(line: ast.AnnAssign) -> bool:
    given = _field(line)
    if given is None:
        return line.value is None
    if given.args:
        first = given.args[0]
        return isinstance(first, ast.Constant) and first.value is Ellipsis
    return not {"default", "default_factory"} & {keyword.arg for keyword in given.keywords}


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
