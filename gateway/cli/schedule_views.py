"""Schedules as commands print them: sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from gateway.cli.terminal import printable, say, say_table
from gateway.domain.schedule_json import say_outcome
from gateway.domain.schedules import PastSlot, Rules, Schedule, ScheduleReport, Wakeup


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
        say(f"Agent: {wakeup.role or 'the default one'}")
        for line in (*_limits(wakeup), *_rules(report.schedule.rules)):
            say(printable(line))
        say("\n".join(printable(line) for line in f"Prompt: {wakeup.prompt}".splitlines()))
    if past:
        rows = [(f"{slot.due_at:%Y-%m-%d %H:%M} UTC", say_outcome(slot)) for slot in past]
        say_table(("slot", "outcome"), rows)


def _limits(wakeup: Wakeup) -> list[str]:
    sources = f"Data sources: {', '.join(wakeup.data_sources)}" if wakeup.data_sources else ""
    calls = "" if wakeup.max_actions is None else f"Tool calls: {wakeup.max_actions} at most"
    return [line for line in (sources, calls) if line]


def _rules(rules: Rules) -> list[str]:
    """Return a line for each rule that is not as by default, named as its option."""
    usual = _as_words(Rules())
    return [
        f"{name.replace('_', ' ').capitalize()}: {words}"
        for name, words in _as_words(rules).items()
        if words != usual[name]
    ]


def _as_words(rules: Rules) -> dict[str, str]:
    days = {"quiet_days": ", ".join(rules.quiet_days)}
    switches = {True: "yes", False: "no"}
    shown = {**asdict(rules), **days}
    del shown["paused_until"]  # the state tells it
    return {
        name: switches[value] if isinstance(value, bool) else str(value)
        for name, value in shown.items()
    }


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
