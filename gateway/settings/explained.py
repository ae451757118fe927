"""Settings told to people: what holds and why, the page of all settings, and a first file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from pathlib import Path
from typing import cast

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from gateway.settings.agents import (
    AgentSettings,
    BindingSettings,
    BlockSettings,
    SharedBlockSettings,
    WakeupSettings,
)
from gateway.settings.circles import CircleSettings
from gateway.settings.groups import GroupSettings
from gateway.settings.hooks import HookSettings
from gateway.settings.kinds import Section
from gateway.settings.mcp_servers import McpServerSettings
from gateway.settings.places import PlaceSettings
from gateway.settings.sources import FILE_NAME, FILE_VARIABLE, TABLE_LISTS, Name, names
from gateway.settings.tree import Settings
from gateway.telemetry.redaction import HIDDEN, Redactor

_DATABASE = "database_url"
_SPECIAL_DEFAULTS = {_DATABASE: "`sqlite:///<data_dir>/postern.db`"}
_TABLES: Mapping[str, type[Section]] = {
    "circles": CircleSettings,
    "places": PlaceSettings,
    "agents": AgentSettings,
    "agents.blocks": BlockSettings,
    "agents.shared_blocks": SharedBlockSettings,
    "agents.wakeups": WakeupSettings,
    "groups": GroupSettings,
    "hooks": HookSettings,
    "mcp_servers": McpServerSettings,
    "bindings": BindingSettings,
}
"""The lists of tables, by what stands between `[[` and `]]`."""
_NOTES = {
    "agents": "Without any, there is one, called `postern`. The first one is the default.",
    "agents.blocks": "Stands below its agent. Once it is there, it is the agent's own.",
    "agents.shared_blocks": "Stands below its agent; all that share it say the same of it.",
    "agents.wakeups": "Stands below its agent. One that is taken out is paused, not dropped.",
    "circles": "None by default. Others name them as `@NAME`. See `docs/people.md`.",
    "places": "None by default: what mentions the bot is heard. See `docs/people.md`.",
    "bindings": "None by default: people have agents of their own. See `docs/people.md`.",
    "groups": "None by default. `docs/teamwork.md` shows one of each strategy.",
    "hooks": "None by default. `docs/hooks.md` tells how calls are signed.",
    "mcp_servers": "None by default. `docs/tools.md` tells what agents get of them.",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting as it holds now."""

    name: str
    value: str | None
    """As TOML; a secret is "[hidden]", and None is "not set"."""
    source: str
    """The file or the variable it came from, or `default`."""
    meaning: str
    variable: str


def explain(settings: Settings) -> list[Explained]:
    """Tell every setting's value, where it came from and what it is for; no secret is shown."""
    return [
        Explained(
            name=name.dotted,
            value=_shown(name, settings),
            source=settings.origin(name.dotted),
            meaning=name.field.description or "",
            variable=name.variable,
        )
        for name in names()
    ]


def values(settings: Settings) -> dict[str, object]:
    """Return every setting by its dotted name, in simple types; no secret is shown."""
    return {name.dotted: _safe(name, settings) for name in names()}


def as_toml(settings: Settings) -> str:
    """Write what holds as a settings file, without the secrets."""
    lines: list[str] = []
    section = ""
    for name in (name for name in names() if name.dotted not in TABLE_LISTS):
        above, _, key = name.dotted.rpartition(".")
        if above != section:
            lines += ["", f"[{above}]"]
            section = above
        value = _shown(name, settings)
        lines.append(f"# {key} is not set" if value is None else f"{key} = {value}")
    for circle in settings.circles:
        lines += _table_lines("circles", circle)
    for place in settings.places:
        lines += _table_lines("places", place)
    for agent in settings.agents:
        lines += _table_lines("agents", agent)
    for binding in settings.bindings:
        lines += _table_lines("bindings", binding)
    for group in settings.groups:
        lines += _table_lines("groups", group)
    for hook in settings.hooks:
        lines += _table_lines("hooks", hook)
    for server in settings.mcp_servers:
        lines += _table_lines("mcp_servers", server)
    return "\n".join(lines) + "\n"


def as_variables(settings: Settings) -> str:
    """Write an environment file: every variable, with what it is for and what holds now."""
    blocks: list[str] = []
    for name in names():
        usual = f" Also read from {name.usual}." if name.usual else ""
        value = _plain(name, settings)
        assigned = f"{name.variable}={value}"
        line = assigned if settings.origin(name.dotted) != "default" else f"# {assigned}"
        blocks.append(f"# {name.field.description}.{usual}\n{line}\n")
    return "\n".join(blocks)


def first_file(values: Mapping[str, object] | None = None) -> str:
    """Return a settings file in which everything is explained, and these values are set."""
    chosen = values or {}
    lines = [
        "# Settings of Postern. Everything here has a default: a line counts once its # is gone.",
        "# The environment wins over this file; `postern config explain` tells what holds.",
        "# Keep this file to yourself once tokens stand in it.",
    ]
    section = ""
    for name in (name for name in names() if name.dotted not in TABLE_LISTS):
        above, _, key = name.dotted.rpartition(".")
        if above != section:
            lines += ["", f"[{above}]"]
            section = above
        is_set = name.dotted in chosen
        line = f"{key} = {_toml(chosen[name.dotted]) if is_set else _example(name.field)}"
        lines += ["", f"# {name.field.description}.", line if is_set else f"# {line}"]
    for title, table in _TABLES.items():
        lines += ["", f"# {_title_of(table)}.", f"# [[{title}]]"]
        for key, field in table.model_fields.items():
            if f"{title}.{key}" not in _TABLES:
                lines += [f"# {field.description}.", f"# {key} = {_example(field)}"]
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the documentation page of all settings, in Markdown."""
    return "\n".join([*_page_head(), *_page_tables(), *_page_lists()]) + "\n"


def _page_head() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield f"Settings stand in `{FILE_NAME}` in the working directory, or in the file that"
    yield f"`{FILE_VARIABLE}` names; `postern init` writes one to start from. The environment wins"
    yield "over the file: `POSTERN_<SECTION>__<KEY>` first, then the usual name where there is one."
    yield "A blank variable is not set. Lists are JSON in the environment, or texts with commas"
    yield "between them. A name that does not exist is an error, not a silence."
    yield ""
    yield "`postern config explain` tells what holds and where it came from; `postern config env`"
    yield "lists the variables. This page is what `postern config explain --markdown` prints."


def _page_tables() -> Iterator[str]:
    section = None
    for name in (name for name in names() if name.dotted not in TABLE_LISTS):
        above = name.dotted.rpartition(".")[0]
        if above != section:
            title = f"`[{above}]` {_meaning_of(above)}" if above else "At the top"
            yield from ("", f"## {title}", "")
            yield from ("| setting | default | also read from | meaning |", "|---|---|---|---|")
            section = above
        default = _SPECIAL_DEFAULTS.get(name.dotted) or _default(name.field)
        usual = f"`{name.usual}`" if name.usual else ""
        yield f"| `{name.dotted}` | {default} | {usual} | {name.field.description} |"


def _page_lists() -> Iterator[str]:
    for title, table in _TABLES.items():
        yield from ("", f"## `[[{title}]]` {_title_of(table)}", "", _NOTES[title])
        if title in TABLE_LISTS:
            yield f"In the environment, `POSTERN_{title.upper()}` is a JSON list of them."
        yield from ("", "| key | default | meaning |", "|---|---|---|")
        for key, field in table.model_fields.items():
            yield f"| `{key}` | {_default(field)} | {field.description} |"


def _title_of(table: type[Section]) -> str:
    """Return the first sentence of what the table is."""
    return (table.__doc__ or "").strip().partition(".")[0]


def _meaning_of(section: str) -> str:
    annotation = Settings.model_fields[section].annotation
    assert annotation is not None  # noqa: S101 - every section is a model
    return (annotation.__doc__ or "").strip().rstrip(".")


def _shown(name: Name, settings: Settings) -> str | None:
    """Return the value as TOML."""
    value = _safe(name, settings)
    return None if value is None else _toml(value)


def _plain(name: Name, settings: Settings) -> str:
    """Return the value as a variable holds it."""
    value = _safe(name, settings)
    if value is None:
        return ""
    return value if isinstance(value, str) else _toml(value)


def _safe(name: Name, settings: Settings) -> object:
    """Return the value in simple types, with everything hidden that is a secret."""
    holder: object = settings
    value = reduce(getattr, name.dotted.split("."), holder)
    hide = Redactor(settings.secrets()).redact
    if name.dotted == _DATABASE:
        return hide(settings.database_url.get_secret_value())
    if isinstance(value, SecretStr):
        return HIDDEN
    simple = _simple(value)
    return hide(simple) if isinstance(simple, str) else simple


def _simple(value: object) -> object:
    if isinstance(value, Section):
        return {key: _simple(part) for key, part in value if part is not None}
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, tuple):
        return [_simple(part) for part in cast("tuple[object, ...]", value)]  # of any kind
    if isinstance(value, Enum):
        return str(value.value)
    return str(value) if isinstance(value, Path) else value


def _table_lines(title: str, table: Section) -> list[str]:
    """Write one table of a list, and the tables below it."""
    below = [key for key in type(table).model_fields if f"{title}.{key}" in _TABLES]
    lines = ["", f"[[{title}]]"]
    for key, value in table:
        if value is not None and key not in below:
            lines.append(f"{key} = {_toml(_simple(value))}")
    for key in below:
        for part in cast("tuple[Section, ...]", getattr(table, key)):  # lists of tables
            lines += _table_lines(f"{title}.{key}", part)
    return lines


def _toml(value: object) -> str:
    """Write a value as TOML; JSON is the same for texts, numbers, flags and lists of them."""
    return json.dumps(value, ensure_ascii=False)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "(needed)"
    value = _simple(field.default)
    return "–" if value is None else f"`{_toml(value)}`"


def _example(field: FieldInfo) -> str:
    if field.examples:
        return _toml(field.examples[0])
    if field.is_required() or field.default_factory is not None or field.default is None:
        return '""'
    return _toml(_simple(field.default))
