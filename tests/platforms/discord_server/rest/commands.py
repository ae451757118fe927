"""Application commands: the bot's own, global and per guild, and how they are synced."""

import re
from collections.abc import Iterable
from typing import cast

from tests.platforms.discord_server.composing import body_of, json_body
from tests.platforms.discord_server.errors import FormErrors, bad_field, refuse
from tests.platforms.discord_server.forms import Field, Form, check_form
from tests.platforms.discord_server.requests import NO_CONTENT, Answer, Call, Route
from tests.platforms.discord_server.state import World
from tests.platforms.discord_server.wire import Json, listed

_CHAT_INPUT = 1
_NAME = re.compile(r"[-_'\w]{1,32}")
_CHOICE: Form = {
    "name": Field("string", 100, 1, required=True),
    "name_localizations": Field("object"),
    "value": Field("string", 100, required=True),
}
_NUMBER_CHOICE: Form = {**_CHOICE, "value": Field("number", required=True, least=-(2**53))}
_OPTION: dict[str, Field] = {
    "type": Field("integer", 11, 1, required=True),
    "name": Field("string", 32, 1, required=True),
    "name_localizations": Field("object"),
    "description": Field("string", 100, 1, required=True),
    "description_localizations": Field("object"),
    "required": Field("boolean"),
    "autocomplete": Field("boolean"),
    "choices": Field("list", 25, items=Field("object")),
    "channel_types": Field("list", items=Field("integer")),
    "min_value": Field("number", least=-(2**53)),
    "max_value": Field("number", least=-(2**53)),
    "min_length": Field("integer", 6000),
    "max_length": Field("integer", 6000, 1),
}
_OPTION["options"] = Field("list", 25, form=_OPTION)
_COMMAND: Form = {
    "id": Field("snowflake"),
    "name": Field("string", 32, 1, required=True),
    "name_localizations": Field("object"),
    "description": Field("string", 100),
    "description_localizations": Field("object"),
    "options": Field("list", 25, form=_OPTION),
    "default_member_permissions": Field("snowflake"),
    "dm_permission": Field("boolean"),
    "contexts": Field("list", 3, 1, items=Field("integer", 2)),
    "integration_types": Field("list", 2, 1, items=Field("integer", 1)),
    "type": Field("integer", choices=(1, 2, 3, 4)),
    "handler": Field("integer"),
    "nsfw": Field("boolean"),
}
_BASE = "/applications/{application_id}"


class Commands:
    """The registered commands, in the order in which they were registered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.registered: list[Json] = []
        self.syncs = 0
        """Bulk overwrites so far."""

    def routes(self) -> list[Route]:
        made: list[Route] = []
        for base in (f"{_BASE}/commands", f"{_BASE}/guilds/{{guild_id}}/commands"):
            one = f"{base}/{{command_id}}"
            made += [
                Route("GET", base, self.listing),
                Route("POST", base, self.create),
                Route("PUT", base, self.overwrite),
                Route("GET", one, self.get),
                Route("PATCH", one, self.change),
                Route("DELETE", one, self.delete),
            ]
        return made

    def named(self, name: str, guild_id: int | None, *, kind: int = _CHAT_INPUT) -> Json:
        """Find a command that a person would see here; raises `LookupError`."""
        for command in self.registered:
            place = command.get("guild_id")
            is_here = place is None or place == str(guild_id)
            if command["name"] == name and command["type"] == kind and is_here:
                return command
        raise LookupError(f'No command "{name}" of type {kind} is registered.')

    def add(self, name: str, *options: Json) -> Json:
        """Register a global slash command without a client, for tests of interactions."""
        body: Json = {"name": name, "description": name, "options": list(options)}
        _refuse_bad([body], single=True)
        command = self._make(body, None)
        self.registered.append(command)
        return command

    def listing(self, call: Call) -> Answer:
        return Answer(200, self._of(_scope(self._world, call)))

    def overwrite(self, call: Call) -> Answer:
        """Replace all commands of a scope; one that keeps its name keeps its id."""
        scope = _scope(self._world, call)
        bodies = _bodies(call.body)
        if len(bodies) > 100:
            raise refuse(30032)
        _refuse_bad(bodies)
        fresh = [self._make(body, scope) for body in bodies]
        self.registered = [c for c in self.registered if c.get("guild_id") != scope] + fresh
        self.syncs += 1
        return Answer(200, fresh)

    def create(self, call: Call) -> Answer:
        """Add one; a name that is taken is overwritten (200 instead of 201)."""
        scope, body = _scope(self._world, call), body_of(call)
        _refuse_bad([body], single=True)
        old = self._like(body, scope)
        command = self._make(body, scope)
        if old is not None:
            self.registered[self.registered.index(old)] = command
            return Answer(200, command)
        if len(self._of(scope)) >= 100:
            raise refuse(30032)
        self.registered.append(command)
        return Answer(201, command)

    def get(self, call: Call) -> Answer:
        return Answer(200, self._find(call))

    def change(self, call: Call) -> Answer:
        command, body = self._find(call), body_of(call)
        merged = {name: command[name] for name in _COMMAND if name in command} | body
        merged.pop("id", None)
        _refuse_bad([merged], single=True)
        command.update(body, version=str(self._world.new_id()))
        return Answer(200, command)

    def delete(self, call: Call) -> Answer:
        self.registered.remove(self._find(call))
        return NO_CONTENT

    def _of(self, scope: str | None) -> list[Json]:
        return [c for c in self.registered if c.get("guild_id") == scope]

    def _find(self, call: Call) -> Json:
        wanted = str(call.id("command_id"))
        for command in self._of(_scope(self._world, call)):
            if command["id"] == wanted:
                return command
        raise refuse(10063)

    def _like(self, body: Json, scope: str | None) -> Json | None:
        kind = body.get("type") or _CHAT_INPUT
        for command in self._of(scope):
            if (command["name"], command["type"]) == (body["name"], kind):
                return command
        return None

    def _make(self, body: Json, scope: str | None) -> Json:
        old = self._like(body, scope)
        permissions = body.get("default_member_permissions")
        command: Json = {
            "id": old["id"] if old else str(self._world.new_id()),
            "application_id": str(self._world.application_id),
            "version": str(self._world.new_id()),
            "type": body.get("type") or _CHAT_INPUT,
            "name": body["name"],
            "name_localizations": body.get("name_localizations"),
            "description": body.get("description") or "",
            "description_localizations": body.get("description_localizations"),
            "default_member_permissions": None if permissions is None else str(permissions),
            "dm_permission": body.get("dm_permission") is not False,
            "contexts": body.get("contexts"),
            "integration_types": body.get("integration_types") or [0],
            "nsfw": bool(body.get("nsfw")),
        }
        if body.get("options"):
            command["options"] = body["options"]
        if scope is not None:
            command["guild_id"] = scope
        return command


def _scope(world: World, call: Call) -> str | None:
    if call.id("application_id") != world.application_id:
        raise refuse(20012)
    if "guild_id" not in call.params:
        return None
    return str(world.guild(call.id("guild_id")).id)


def _bodies(body: object) -> list[Json]:
    if not isinstance(body, list):
        raise bad_field(("_body",), "LIST_TYPE_CONVERT", "Only iterables may be used here.")
    return [json_body(item) for item in cast(list[object], body)]


def _refuse_bad(bodies: Iterable[Json], *, single: bool = False) -> None:
    """Raise 50035 for commands that Discord does not take; paths start with the index."""
    errors = FormErrors()
    seen: set[tuple[str, int]] = set()
    for index, body in enumerate(bodies):
        path = () if single else (str(index),)
        errors.extend(path, check_form(body, _COMMAND))
        if not errors:
            _check_command(body, path, seen, errors)
    errors.raise_if_any()


def _check_command(
    body: Json, path: tuple[str, ...], seen: set[tuple[str, int]], errors: FormErrors
) -> None:
    kind, name = body.get("type") or _CHAT_INPUT, body["name"]
    if (name, kind) in seen:
        text = "Application command names must be unique"
        errors.add((*path, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", text)
    seen.add((name, kind))
    if kind != _CHAT_INPUT:
        for field in ("description", "options"):
            if body.get(field):
                text = "Context menu commands cannot have this."
                errors.add((*path, field), "APPLICATION_COMMAND_TYPE_INVALID", text)
        return
    if not body.get("description"):
        errors.add((*path, "description"), "BASE_TYPE_REQUIRED", "This field is required")
    _check_names(body, path, errors)


def _check_names(item: Json, path: tuple[str, ...], errors: FormErrors) -> None:
    name = item["name"]
    if not _NAME.fullmatch(name) or name != name.lower():
        text = "Command name is invalid"
        errors.add((*path, "name"), "APPLICATION_COMMAND_INVALID_NAME", text)
    options = listed(item, "options")
    _check_choices(options, path, errors)
    _refuse_late_required(options, path, errors)
    for index, option in enumerate(options):
        _check_names(option, (*path, "options", str(index)), errors)


def _check_choices(options: Iterable[Json], path: tuple[str, ...], errors: FormErrors) -> None:
    for index, option in enumerate(options):
        form = _CHOICE if option["type"] == 3 else _NUMBER_CHOICE
        for number, choice in enumerate(listed(option, "choices")):
            here = (*path, "options", str(index), "choices", str(number))
            errors.extend(here, check_form(choice, form))
        if option.get("autocomplete") and option.get("choices"):
            text = "Autocomplete and choices are mutually exclusive."
            errors.add((*path, "options", str(index)), "APPLICATION_COMMAND_OPTION_TYPE", text)


def _refuse_late_required(
    options: Iterable[Json], path: tuple[str, ...], errors: FormErrors
) -> None:
    optional_seen = False
    for index, option in enumerate(options):
        if option.get("required") and optional_seen:
            text = "Required options must be placed before non-required options"
            code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
            errors.add((*path, "options", str(index)), code, text)
        optional_seen = optional_seen or not option.get("required")
