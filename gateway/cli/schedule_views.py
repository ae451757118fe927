"""Schedules as commands print them: sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.cli.terminal import printable, say, say_table
from gateway.domain.schedule_json import say_outcome
from gateway.domain.schedules import PastSlot, Schedule, ScheduleReport


def say_list(reports: Sequence[ScheduleReport]) -> None:
    """Print a table."""
    rows = [
        (
            report.schedule.id,
            report.words,
            f"{report.next_fires[0]:%a %Y-%m-%d %H:%M}" if report.next_fires else "",
            _state(report.schedule),
            report.schedule.wakeup.conversation.id if report.schedule.wakeup else "",
        )
        for report in reports
    ]
    say_table(("name", "when", "next", "state", "conversation"), rows)


def say_taken(report: ScheduleReport) -> None:
    """Print how a schedule was understood, and its next fires."""
    schedule = report.schedule
    say(f"{schedule.id}: {report.words}, {_state(schedule)}.")
    for moment in report.next_fires:
        say(f"  {moment:%a %Y-%m-%d %H:%M %Z}")


def say_shown(report: ScheduleReport, past: Sequence[PastSlot]) -> None:
    """Print everything about a schedule."""
    say_taken(report)
    wakeup = report.schedule.wakeup
    if wakeup is not None:
        say(f"Conversation: {wakeup.conversation.id}")
        say(f"Owner: {wakeup.owner.identity.key if wakeup.owner else 'who wrote there last'}")
        say("\n".join(printable(line) for line in f"Prompt: {wakeup.prompt}".splitlines()))
    if past:
        rows = [(f"{slot.due_at:%Y-%m-%d %H:%M} UTC", say_outcome(slot)) for slot in past]
        say_table(("slot", "outcome"), rows)


def say_activity(lines: Sequence[Mapping[str, object]]) -> None:
    """Print the lines of an agent's log as a table."""
    rows = [
        (str(line["slot"]), str(line["schedule"]), str(line["outcome"]), _first_post(line))
        for line in lines
    ]
    say_table(("slot", "schedule", "outcome", "said"), rows)


def _first_post(line: Mapping[str, object]) -> str:
    posts = line["posts"]
    first = str(posts[0]) if isinstance(posts, list) and posts else ""  # pyright: ignore[reportUnknownArgumentType] - JSON
    return " ".join(first.split())[:60]


def _state(schedule: Schedule) -> str:
    if schedule.is_paused:
        return "paused"
    if schedule.next_at is None:
        return "over"
    until = schedule.rules.paused_until
    if until is not None and schedule.next_at < until:
        return f"paused until {until:%Y-%m-%d %H:%M} UTC"
    return "on"
