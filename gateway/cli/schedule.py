"""`postern schedule`: the wakeups by which agents come back by themselves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.desks import opened_desks
from gateway.cli.schedule_views import say_list, say_shown, say_taken
from gateway.cli.terminal import AsJson, say, say_json
from gateway.domain.schedule_json import schedule_json
from gateway.domain.schedules import (
    Misfire,
    NewSchedule,
    Outside,
    PastSlot,
    Rules,
    ScheduleReport,
    Timing,
)
from gateway.errors import BadInput

app = typer.Typer(help="Let agents come back by themselves.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the schedule.")]
Zone = Annotated[str, typer.Option("--tz", help="IANA time zone of the times.")]
Owner = Annotated[
    str | None,
    typer.Option(
        help="Whose agent wakes, as platform:workspace:user; left out, who wrote there last."
    ),
]


@app.command()
def add(
    name: Annotated[str, typer.Option(help="Its name.")],
    to: Annotated[str, typer.Option(help="Conversation that it wakes: platform:place:channel.")],
    prompt: Annotated[str, typer.Option(help="What the agent is told.")],
    cron: Annotated[str | None, typer.Option(help="Cron line, as in '30 8 * * 1-5'.")] = None,
    every: Annotated[str | None, typer.Option(help="Interval, as in 15m.")] = None,
    at: Annotated[str | None, typer.Option(help="Moment or phrase: 'tomorrow at 9'.")] = None,
    zone: Zone = "UTC",
    owner: Owner = None,
    agent: Annotated[str | None, typer.Option(help="Which agent; else the default one.")] = None,
    misfire: Annotated[
        Misfire, typer.Option(help="What becomes of missed slots: skip, one or all.")
    ] = Misfire.ONE,
    grace: Annotated[float, typer.Option(help="Seconds that count as on time, for skip.")] = 60.0,
    catch_up: Annotated[int, typer.Option(help="Missed slots that fire, for all.")] = 3,
    jitter: Annotated[int, typer.Option(help="Spread slots over so many seconds.")] = 0,
    active: Annotated[str | None, typer.Option(help="Active hours, as in 08:00-22:00.")] = None,
    quiet_days: Annotated[str | None, typer.Option(help="Days of rest, as in sat,sun.")] = None,
    outside: Annotated[
        Outside, typer.Option(help="Slots outside the hours: skip them, or defer.")
    ] = Outside.SKIP,
    source: Annotated[
        list[str] | None, typer.Option(help="Data source to look at; may be repeated.")
    ] = None,
    max_actions: Annotated[
        int | None, typer.Option(help="Tool calls that one wakeup may make.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a schedule, and show how it was understood."""
    active_from, active_to = _hours(active)
    wish = NewSchedule(
        name=name,
        timing=Timing(zone, cron, every, at),
        conversation=to,
        prompt=prompt,
        owner=owner,
        role=agent,
        rules=Rules(
            misfire=misfire,
            grace_seconds=grace,
            max_catch_up=catch_up,
            jitter_seconds=jitter,
            active_from=active_from,
            active_to=active_to,
            quiet_days=tuple((quiet_days or "").lower().replace(",", " ").split()),
            outside=outside,
        ),
        data_sources=tuple(source or ()),
        max_actions=max_actions,
    )
    _answer(asyncio.run(_added(wish)), json=json)


@app.command("list")
def list_schedules(json: AsJson = False) -> None:
    """List all schedules."""
    reports = asyncio.run(_all())
    if json:
        say_json([schedule_json(report) for report in reports])
    elif not reports:
        say("There is no schedule. `postern schedule add` makes one.")
    else:
        say_list(reports)


@app.command()
def show(name: Name, json: AsJson = False) -> None:
    """Show one schedule, its next fires and its past slots."""
    report, past = asyncio.run(_shown(name))
    if json:
        say_json(schedule_json(report, past))
    else:
        say_shown(report, past)


@app.command()
def pause(
    name: Name,
    until: Annotated[
        str | None, typer.Option(help="Moment or phrase; left out, until it is resumed.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Let a schedule rest. What comes meanwhile is not caught up."""
    _answer(asyncio.run(_paused(name, until)), json=json)


@app.command()
def resume(name: Name, json: AsJson = False) -> None:
    """Let a paused schedule go on from now."""
    _answer(asyncio.run(_resumed(name)), json=json)


@app.command()
def run(name: Name, json: AsJson = False) -> None:
    """Wake the agent now, beside its slots and whatever its hours."""
    report = asyncio.run(_run(name))
    if json:
        say_json(schedule_json(report))
    else:
        say(f"{report.schedule.id} wakes its agent as soon as a gateway runs.")


@app.command()
def remove(name: Name, json: AsJson = False) -> None:
    """Drop a schedule. What it did stays in the audit log."""
    report = asyncio.run(_removed(name))
    if json:
        say_json(schedule_json(report))
    else:
        say(f"{report.schedule.id} is gone.")


@app.command("import")
def import_roster(
    file: Annotated[Path, typer.Argument(help="An agents.json.")],
    to: Annotated[
        str | None, typer.Option(help="Conversation to wake, where the file names none.")
    ] = None,
    owner: Owner = None,
    zone: Zone = "UTC",
    json: AsJson = False,
) -> None:
    """Make or replace a schedule for every agent of an agents.json."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f'"{file}" can not be read: {error}.') from error
    taken = asyncio.run(_imported(text, to, owner, zone))
    if json:
        say_json(
            [{**schedule_json(report), "ignored_fields": list(extra)} for report, extra in taken]
        )
        return
    for report, extra in taken:
        say_taken(report)
        if extra:
            say(f"  Not known here, and left out: {', '.join(extra)}.")


@app.command("export")
def export_roster(
    file: Annotated[Path | None, typer.Argument(help="Where to write; else it is printed.")] = None,
) -> None:
    """Write the schedules as an agents.json."""
    text, left_out = asyncio.run(_exported())
    if file is None:
        typer.echo(text, nl=False)
    else:
        file.write_text(text, "utf-8")
    for name in left_out:
        typer.echo(f"{name} is not in it: an agents.json holds cron lines only.", err=True)


def _hours(active: str | None) -> tuple[str | None, str | None]:
    if active is None:
        return None, None
    start, dash, end = active.partition("-")
    if not dash:
        raise typer.BadParameter(f'"{active}" are no hours; they read 08:00-22:00.')
    return start.strip(), end.strip()


def _answer(report: ScheduleReport, *, json: bool) -> None:
    if json:
        say_json(schedule_json(report))
    else:
        say_taken(report)


async def _added(wish: NewSchedule) -> ScheduleReport:
    async with opened_desks() as desks:
        try:
            return desks.schedules.report(await desks.schedules.add(wish))
        except BadInput as error:
            raise typer.BadParameter(str(error)) from None


async def _all() -> list[ScheduleReport]:
    async with opened_desks() as desks:
        return [desks.schedules.report(each) async for each in desks.schedules.every()]


async def _shown(name: str) -> tuple[ScheduleReport, list[PastSlot]]:
    async with opened_desks() as desks:
        schedule = await desks.schedules.find(name)
        return desks.schedules.report(schedule), await desks.schedules.past(schedule)


async def _paused(name: str, until: str | None) -> ScheduleReport:
    async with opened_desks() as desks:
        return desks.schedules.report(await desks.schedules.pause(name, until))


async def _resumed(name: str) -> ScheduleReport:
    async with opened_desks() as desks:
        return desks.schedules.report(await desks.schedules.resume(name))


async def _run(name: str) -> ScheduleReport:
    async with opened_desks() as desks:
        if not await desks.schedules.run(name):
            raise BadInput(f'"{name}" was changed by somebody else just now; try again.')
        return desks.schedules.report(await desks.schedules.find(name))


async def _removed(name: str) -> ScheduleReport:
    async with opened_desks() as desks:
        return desks.schedules.report(await desks.schedules.remove(name))


async def _imported(
    text: str, to: str | None, owner: str | None, zone: str
) -> list[tuple[ScheduleReport, tuple[str, ...]]]:
    async with opened_desks() as desks:
        taken = await desks.rosters.take(text, to, owner, zone)
        return [(desks.schedules.report(schedule), wish.ignored) for schedule, wish in taken]


async def _exported() -> tuple[str, tuple[str, ...]]:
    async with opened_desks() as desks:
        given = await desks.rosters.give()
        return given.text, given.left_out
