"""Where settings come from: the file, then the usual variables, then POSTERN_… on top."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from gateway.errors import SettingsWrong
from gateway.settings.complaints import complaints, nearest
from gateway.settings.kinds import Section, Usual
from gateway.settings.tree import Settings

FILE_NAME = "postern.toml"
FILE_VARIABLE = "POSTERN_CONFIG"
TABLE_LISTS = ("circles", "places", "agents", "hooks", "bindings", "groups", "mcp_servers")
"""Settings that are lists of tables: `[[agents]]`."""
_PREFIX = "POSTERN_"
_INJECTED = re.compile(r"POSTERN_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")
"""Kubernetes gives these to every pod beside a service that is called `postern`."""


@dataclass(frozen=True, slots=True)
class Name:
    """One setting, by all the names it has."""

    dotted: str
    """`http.port`, as documents and messages say it."""
    variable: str
    """`POSTERN_HTTP__PORT`."""
    usual: str | None
    field: FieldInfo


def names(model: type[Section] = Settings, path: tuple[str, ...] = ()) -> Iterator[Name]:
    """Go through all settings in their order; a list of tables is one of them."""
    for key, field in model.model_fields.items():
        here = (*path, key)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from names(field.annotation, here)
            continue
        usual = next((mark.name for mark in field.metadata if isinstance(mark, Usual)), None)
        yield Name(".".join(here), _PREFIX + "__".join(here).upper(), usual, field)


def load_settings(environ: Mapping[str, str], file: Path | None = None) -> Settings:
    """Read and check all settings; raises SettingsWrong with one sentence for each mistake.

    Without `file`, POSTERN_CONFIG names it, or it is postern.toml in the
    working directory, which may be missing. A blank variable is not set.
    """
    path = file or _file_of(environ)
    if path is None:
        return check_settings({}, environ)
    return check_settings(_read_file(path), environ, str(path))


def check_settings(
    values: dict[str, object], environ: Mapping[str, str], label: str = FILE_NAME
) -> Settings:
    """Check what a file of this name says, with the environment above it; raises SettingsWrong."""
    origins = {name.dotted: label for name in names() if _is_in(values, name.dotted)}
    for name, variable in _set_variables(environ):
        values = _with_value(values, name.dotted.split("."), _parsed(name, environ[variable]))
        origins[name.dotted] = variable
    try:
        return Settings.model_validate(values, context=origins)
    except ValidationError as error:
        raise SettingsWrong("\n".join(complaints(error, Settings, origins, label))) from None


def _file_of(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(FILE_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser()
    here = Path(FILE_NAME)
    return here if here.exists() else None


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsWrong(
            f'The settings file "{path}" can not be read: {error.strerror}. Correct '
            f"{FILE_VARIABLE}, or write the file with `postern init`."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsWrong(f'The settings file "{path}" is not UTF-8 text.') from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsWrong(f"{path} is not valid TOML: {error}.") from None


def _set_variables(environ: Mapping[str, str]) -> Iterator[tuple[Name, str]]:
    """Give each setting that the environment has, with the variable that wins."""
    ours = {name.variable: name for name in names()}
    for variable in sorted(environ):
        is_ours = variable.startswith(_PREFIX) and variable != FILE_VARIABLE
        if is_ours and variable not in ours and not _INJECTED.fullmatch(variable):
            raise SettingsWrong(_unknown_variable(variable, list(ours)))
    for name in ours.values():
        for variable in (name.variable, name.usual):
            if variable is not None and environ.get(variable, "").strip():
                yield name, variable
                break


def _unknown_variable(variable: str, ours: list[str]) -> str:
    near = nearest(variable, [*ours, FILE_VARIABLE])
    hint = f"The nearest is {near}." if near else "`postern config env` lists all that there are."
    return f"The variable {variable} is no setting of Postern. {hint}"


def _parsed(name: Name, text: str) -> object:
    """Lists are JSON, or texts with commas between them; all else stays as it is."""
    if not str(name.field.annotation).startswith("tuple["):
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    if name.dotted in TABLE_LISTS:
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_in(values: Mapping[str, object], dotted: str) -> bool:
    first, _, rest = dotted.partition(".")
    if first not in values or not rest:
        return first in values
    below = values[first]
    return _is_table(below) and _is_in(below, rest)


def _with_value(values: Mapping[str, object], keys: list[str], value: object) -> dict[str, object]:
    """Return the values with one more; what is no table where one belongs is left to be found."""
    first, *rest = keys
    if not rest:
        return {**values, first: value}
    below = values.get(first, {})
    if not _is_table(below):
        return dict(values)
    return {**values, first: _with_value(below, rest, value)}


def _is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    """Say whether it is a TOML table, whose keys are always texts."""
    return isinstance(value, Mapping)
