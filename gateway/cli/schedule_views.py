"""Schedules as commands print them: sentences, a table, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from gateway.cli.terminal import printable, say, say_table
from gateway.domain.schedules import PastSlot, Schedule, ScheduleReport


def as_json(report: ScheduleReport, past: Sequence[PastSlot] | None = None) -> dict[str, object]:
    """Return the object that `--json` prints."""
    schedule, wakeup = report.schedule, report.schedule.wakeup
    rules = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(schedule.rules).items()
    }
    shown: dict[str, object] = {
        "id": schedule.id,
        "name": schedule.name,
        "trigger": schedule.trigger,
        "timezone": schedule.zone,
        "when": report.words,
        "next_fires": [moment.isoformat() for moment in report.next_fires],
        "paused": schedule.is_paused,
        **rules,
        "conversation": wakeup.conversation.id if wakeup else None,
        "owner": wakeup.owner.identity.key if wakeup and wakeup.owner else None,
        "agent": wakeup.role if wakeup else None,
        "prompt": wakeup.prompt if wakeup else "",
        "data_sources": list(wakeup.data_sources) if wakeup else [],
        "max_actions": wakeup.max_actions if wakeup else None,
        "made_by_agent": wakeup is not None and wakeup.generation is not None,
    }
    if past is not None:
        shown["past"] = [
            {
                "due_at": slot.due_at.isoformat(),
                "recorded_at": slot.fired_at.isoformat(),
                "outcome": _outcome(slot),
            }
            for slot in past
        ]
    return shown


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
        rows = [(f"{slot.due_at:%Y-%m-%d %H:%M} UTC", _outcome(slot)) for slot in past]
        say_table(("slot", "outcome"), rows)


def _state(schedule: Schedule) -> str:
    if schedule.is_paused:
        return "paused"
    if schedule.next_at is None:
        return "over"
    until = schedule.rules.paused_until
    if until is not None and schedule.next_at < until:
        return f"paused until {until:%Y-%m-%d %H:%M} UTC"
    return "on"


def _outcome(slot: PastSlot) -> str:
    return "missed" if slot.was_missed else "fired"
