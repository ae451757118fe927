"""Schedules, and what agents did by them, as JSON: the same for commands and the API. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from gateway.domain.fires import Activity
from gateway.domain.schedules import PastSlot, ScheduleReport


def schedule_json(
    report: ScheduleReport, past: Sequence[PastSlot] | None = None
) -> dict[str, object]:
    """Return the object that stands for a schedule, with its past slots where they are given."""
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
                "why": slot.why or None,
            }
            for slot in past
        ]
    return shown


def activity_json(activity: Activity) -> dict[str, object]:
    """Return one line of an agent's log."""
    return {
        "at": activity.at.isoformat(),
        "schedule": activity.schedule,
        "slot": activity.due_at.isoformat(),
        "outcome": activity.outcome,
        "person": activity.person,
        "conversation": activity.conversation.id if activity.conversation else None,
        "turn": activity.turn,
        "posts": list(activity.posts),
    }


def activity_page(lines: Sequence[Activity], limit: int) -> dict[str, object]:
    """Return a page of an agent's log; `next` is the `before` of the one behind it."""
    following = lines[-1].cursor if len(lines) == limit else None
    return {"activity": [activity_json(line) for line in lines], "next": following}


def _outcome(slot: PastSlot) -> str:
    return "missed" if slot.was_missed else slot.result or "fired"


def say_outcome(slot: PastSlot) -> str:
    """Return what became of a slot, in a word or two."""
    if slot.was_missed:
        return f"missed ({slot.why.replace('_', ' ')})" if slot.why else "missed"
    return slot.result or "fired"
