"""The options of `postern schedule add`: how they are spelled, and what they mean."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.domain.schedules import Misfire, Outside

CronLine = Annotated[str | None, typer.Option("--cron", help="Cron line, as in '30 8 * * 1-5'.")]
Interval = Annotated[str | None, typer.Option("--every", help="Interval, as in 15m.")]
Moment = Annotated[str | None, typer.Option("--at", help="Moment or phrase: 'tomorrow at 9'.")]
Agent = Annotated[str | None, typer.Option("--agent", help="Which agent; else the default one.")]
MisfirePolicy = Annotated[
    Misfire, typer.Option("--misfire", help="What becomes of missed slots: skip, one or all.")
]
Grace = Annotated[float, typer.Option("--grace", help="Seconds that count as on time, for skip.")]
CatchUp = Annotated[int, typer.Option("--catch-up", help="Missed slots that fire, for all.")]
Jitter = Annotated[int, typer.Option("--jitter", help="Spread slots over so many seconds.")]
Active = Annotated[str | None, typer.Option("--active", help="Active hours, as in 08:00-22:00.")]
QuietDays = Annotated[str | None, typer.Option("--quiet-days", help="Days of rest: sat,sun.")]
OutsidePolicy = Annotated[
    Outside, typer.Option("--outside", help="Slots outside the hours: skip them, or defer.")
]
SkipBusy = Annotated[
    bool, typer.Option("--skip-busy", help="Pass slots over while the agent is at work.")
]
SkipRecent = Annotated[
    int, typer.Option("--skip-recent", help="Pass slots over so many seconds after a message.")
]
Heartbeat = Annotated[
    bool, typer.Option("--heartbeat", help="Wake only when a data source holds something new.")
]
Sources = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="<str>", help="Data source to look at; may be repeated."),
]
Silent = Annotated[
    bool, typer.Option("--silent", help="Post nothing; the agent works by its tools.")
]
MaxActions = Annotated[
    int | None, typer.Option("--max-actions", help="Tool calls that one wakeup may make.")
]


def hours(active: str | None) -> tuple[str | None, str | None]:
    """Read `08:00-22:00`; raises BadParameter."""
    if active is None:
        return None, None
    start, dash, end = active.partition("-")
    if not dash:
        raise typer.BadParameter(f'"{active}" are no hours; they read 08:00-22:00.')
    return start.strip(), end.strip()
