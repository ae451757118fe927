"""Holds answers to Discord's published OpenAPI description, which is kept outside the repo.

Covers the keywords that the description uses for what this server answers.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from tests.platforms.discord_server.wire import Json

_TYPES: dict[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


class Description:
    """An OpenAPI document, asked one question: does this answer fit?"""

    def __init__(self, path: Path) -> None:
        self._document = cast(Json, json.loads(path.read_text(encoding="utf-8")))

    def complaints(self, method: str, template: str, status: int, body: object) -> list[str]:
        """Tell what does not fit the response of a route; a status it does not name is one."""
        responses: Json = self._document["paths"][template][method.lower()]["responses"]
        family = f"{status // 100}XX"
        response = responses.get(str(status)) or responses.get(family)
        if response is None:
            return [f"{method} {template} has no answer {status}"]
        content: Json | None = self._resolved(response).get("content")
        if content is None:
            return [] if body is None else ["a body where there is none"]
        return self._check(body, content["application/json"]["schema"], "$")

    def request_complaints(self, method: str, template: str, body: object) -> list[str]:
        """Tell what does not fit the body that a route takes."""
        operation: Json = self._document["paths"][template][method.lower()]
        content: Json = self._resolved(operation["requestBody"])["content"]
        return self._check(body, content["application/json"]["schema"], "$")

    def query_complaints(self, method: str, template: str, names: Iterable[str]) -> list[str]:
        """Tell what a route is asked by the address that it does not know."""
        path: Json = self._document["paths"][template]
        given = [*path.get("parameters", []), *path[method.lower()].get("parameters", [])]
        known = {one["name"] for one in map(self._resolved, given) if one["in"] == "query"}
        return [f"{name} is nothing to ask" for name in names if name not in known]

    def named(self, schema: str, body: object) -> list[str]:
        """Tell what does not fit one of the description's own shapes."""
        return self._check(body, self._document["components"]["schemas"][schema], "$")

    def template_of(self, method: str, path: str) -> str:
        """Return the template of the route that a request takes, words before placeholders."""
        found = [
            template
            for template, route in self._document["paths"].items()
            if method.lower() in route and _pattern(template).fullmatch(path)
        ]
        return min(found, key=lambda template: template.count("{"))

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            found: Any = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node

    def _check(self, value: object, schema: Json, where: str) -> list[str]:
        schema = self._resolved(schema)
        found = self._check_kind(value, schema, where)
        if found:
            return found
        for part in schema.get("allOf", []):
            found += self._check(value, part, where)
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            found += self._check_choices(value, choices, where)
        if isinstance(value, dict):
            found += self._check_object(cast(Json, value), schema, where)
        found += _check_size(cast(object, value), schema, where)
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(cast(list[object], value)):
                found += self._check(item, schema["items"], f"{where}[{index}]")
        return found

    def _check_kind(self, value: object, schema: Json, where: str) -> list[str]:
        kinds: str | list[str] = schema.get("type") or []
        allowed = [kinds] if isinstance(kinds, str) else kinds
        if allowed and not any(_TYPES[kind](value) for kind in allowed):
            return [f"{where}: {value!r} is no {allowed}"]
        if "const" in schema and value != schema["const"]:
            return [f"{where}: {value!r} is not {schema['const']!r}"]
        if "enum" in schema and value not in schema["enum"]:
            return [f"{where}: {value!r} is none of {schema['enum']}"]
        pattern: str | None = schema.get("pattern")
        if pattern and isinstance(value, str) and not re.search(pattern, value):
            return [f"{where}: {value!r} does not match {pattern}"]
        return []

    def _check_choices(self, value: object, choices: list[Json], where: str) -> list[str]:
        tried = [self._check(value, choice, where) for choice in choices]
        return [] if any(not one for one in tried) else min(tried, key=len)

    def _check_object(self, value: Json, schema: Json, where: str) -> list[str]:
        required: list[str] = schema.get("required", [])
        found = [f"{where}: {name} is missing" for name in required if name not in value]
        known: Json = schema.get("properties", {})
        for name, item in value.items():
            if name in known:
                found += self._check(item, known[name], f"{where}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                found += self._check(item, schema["additionalProperties"], f"{where}.{name}")
        return found


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]*\}", "[^/]+", template))


def _check_size(value: object, schema: Json, where: str) -> list[str]:
    """Tell what is too long or too short; nothing is said of values without a length."""
    if isinstance(value, str):
        least, most = schema.get("minLength"), schema.get("maxLength")
    elif isinstance(value, list):
        least, most = schema.get("minItems"), schema.get("maxItems")
    else:
        return []
    length = len(cast(list[object] | str, value))
    if most is not None and length > most:
        return [f"{where}: {length} is more than {most}"]
    if least is not None and length < least:
        return [f"{where}: {length} is less than {least}"]
    return []
