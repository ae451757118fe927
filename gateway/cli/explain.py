"""`postern explain`: what happened to one thing, from the platform's event to the receipt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.stores import opened
from gateway.cli.terminal import AsJson, printable, say, say_json, say_table

if TYPE_CHECKING:
    from gateway.domain.audit import AuditEntry
    from gateway.domain.trails import Trail

_NOT_SAID = frozenset({"sequence", "messages"})
"""Numbers that say nothing to people."""


def explain(
    id: Annotated[
        str, typer.Argument(help="Of an event, a turn, a delivery, an approval, a person …")
    ],
    as_json: AsJson = False,
) -> None:
    """Tell all that happened to one thing. What belongs to it is told with it."""
    from gateway.domain.trails import trail_json

    trail = asyncio.run(_follow(id))
    if as_json:
        say_json(trail_json(trail))
        return
    rows = [(_moment(entry), entry.kind, entry.ref, _details(entry)) for entry in trail.entries]
    say_table(("moment (UTC)", "what", "id", "details"), rows)
    if trail.is_cut:
        say(f"Only {len(trail.entries)} entries are shown; ask for a part of it.")
    say("")
    for trace, turn in _traces(trail):
        say(f"{turn} has the trace {trace} in the logs.")
    for sentence in trail.is_open or ("Nothing of it is open.",):
        say(printable(sentence))


async def _follow(name: str) -> Trail:
    from gateway.trail import Trails

    async with opened() as (store, _):
        return await Trails(store.history).follow(name)


def _traces(trail: Trail) -> list[tuple[str, str]]:
    from gateway.telemetry.traces import trace_of

    turns = dict.fromkeys(entry.ref for entry in trail.entries if entry.kind.startswith("turn."))
    return [(trace_of(turn), turn) for turn in turns]


def _moment(entry: AuditEntry) -> str:
    return "" if entry.at is None else f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3]


def _details(entry: AuditEntry) -> str:
    told = {name: value for name, value in entry.data.items() if name not in _NOT_SAID}
    return ", ".join(f"{name} {_said(value)}" for name, value in told.items() if value is not None)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - JSON
    return str(value)
