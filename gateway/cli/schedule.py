"""`postern schedule`: the wakeups by which agents come back by themselves."""

from __future__ import annotations

import asyncio
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import schedule_options as options
from gateway.cli.desks import opened_desks
from gateway.cli.loading import load
from gateway.cli.schedule_views import say_activity, say_list, say_shown, say_taken
from gateway.cli.stores import opened
from gateway.cli.terminal import AsJson, say, say_json
from gateway.domain.fires import Activity
from gateway.domain.schedule_json import activity_json, schedule_json
from gateway.domain.schedules import (
    Misfire,
    NewSchedule,
    Outside,
    PastSlot,
    RosterDefaults,
    Rules,
    ScheduleReport,
    Timing,
)
from gateway.errors import BadInput

app = typer.Typer(help="Let agents come back by themselves.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the schedule.")]
Zone = Annotated[
    str, typer.Option("--tz", help="IANA time zone of the times, or person for the owner's.")
]
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
    cron: options.CronLine = None,
    every: options.Interval = None,
    at: options.Moment = None,
    zone: Zone = "UTC",
    owner: Owner = None,
    agent: options.Agent = None,
    misfire: options.MisfirePolicy = Misfire.ONE,
    grace: options.Grace = 60.0,
    catch_up: options.CatchUp = 3,
    jitter: options.Jitter = 0,
    active: options.Active = None,
    quiet_days: options.QuietDays = None,
    outside: options.OutsidePolicy = Outside.SKIP,
    skip_busy: options.SkipBusy = False,
    skip_recent: options.SkipRecent = 0,
    heartbeat: options.Heartbeat = False,
    silent: options.Silent = False,
    source: options.Sources = None,
    max_actions: options.MaxActions = None,
    json: AsJson = False,
) -> None:
    """Make a schedule, and show how it was understood."""
    days = tuple((quiet_days or "").lower().replace(",", " ").split())
    hours = (*options.hours(active), days, outside)
    skips = (skip_busy, skip_recent, heartbeat, silent)
    rules = Rules(misfire, grace, catch_up, jitter, *hours, None, *skips)
    timing, sources = Timing(zone, cron, every, at), tuple(source or ())
    wish = NewSchedule(name, timing, to, prompt, owner, agent, rules, sources, max_actions)
    report = asyncio.run(_added(wish))
    _answer(report, json=json)
    _tell_what_is_off([report])


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
        why = (error.strerror if isinstance(error, OSError) else None) or error
        raise BadInput(f'"{file}" can not be read: {why}.') from error
    taken, refused = asyncio.run(_imported(text, to, owner, zone))
    if json:
        say_json(
            [{**schedule_json(report), "ignored_fields": list(extra)} for report, extra in taken]
        )
    else:
        _say_imported(taken)
    _tell_what_is_off([report for report, _ in taken])
    for sentence in refused:
        typer.echo(sentence, err=True)
    if refused:
        raise typer.Exit(1)


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


@app.command()
def activity(
    agent: Annotated[str | None, typer.Option(help="Which agent; else the default one.")] = None,
    limit: Annotated[int, typer.Option(help="How many lines.", min=1, max=10_000)] = 20,
    lines: Annotated[bool, typer.Option("--jsonl", help="Print a JSON object a line.")] = False,
    json: AsJson = False,
) -> None:
    """Show what an agent did by itself, newest first."""
    found = [activity_json(line) for line in asyncio.run(_activity(agent, limit))]
    if lines:
        for line in found:
            typer.echo(dumps(line, ensure_ascii=False))
    elif json:
        say_json(found)
    else:
        say_activity(found)


def _tell_what_is_off(reports: list[ScheduleReport]) -> None:
    """Say where nothing can be posted as the settings are; they may change before it is due."""
    from gateway.cli.banner import what_is_on

    wakeups = [report.schedule.wakeup for report in reports]
    platforms = {wakeup.conversation.platform for wakeup in wakeups if wakeup is not None}
    for line in what_is_on(load()):
        if line.name.lower() in platforms and not line.is_on:
            said = (
                f"{line.name} is off here ({line.hint}): until it is on, nothing is posted there."
            )
            typer.echo(said, err=True)


def _say_imported(taken: list[tuple[ScheduleReport, tuple[str, ...]]]) -> None:
    for report, extra in taken:
        say_taken(report)
        if extra:
            say(f"  Not known here, and left out: {', '.join(extra)}.")


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
) -> tuple[list[tuple[ScheduleReport, tuple[str, ...]]], tuple[str, ...]]:
    from gateway import bootstrap

    async with opened_desks() as desks, bootstrap.claiming(load()) as claim:
        taken = await desks.rosters.take(text, RosterDefaults(to, owner, zone), claim)
        reports = [(desks.schedules.report(each), wish.ignored) for each, wish in taken.schedules]
        return reports, taken.refused


async def _exported() -> tuple[str, tuple[str, ...]]:
    async with opened_desks() as desks:
        given = await desks.rosters.give()
        return given.text, given.left_out


async def _activity(agent: str | None, limit: int) -> list[Activity]:
    from gateway.bootstrap import routes

    async with opened() as (store, _clock):
        known = list(routes(load()))
        role = agent or known[0]
        if role not in known:
            raise typer.BadParameter(f'There is no agent "{role}". There is {", ".join(known)}.')
        return await store.fires.activity(role, None, limit)
