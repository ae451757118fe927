"""What an agent reads when a schedule wakes it: an inbound message like any other. Pure."""

from __future__ import annotations

from datetime import datetime

from gateway.domain.messages import NOWHERE, InboundMessage, MessageKind
from gateway.domain.schedules import Schedule, Wakeup
from gateway.text.silence import SILENCE_NOTE
from scheduler.zones import load_zone

DEFAULT_PROMPT = (
    "[Wakeup, {timestamp}] Nobody wrote; you woke by your schedule. See whether a task or a "
    "reminder is due and whether your data sources hold something new, do what is needed, and "
    "note in your memory what you did."
)


NOBODY_READS = (
    "Nobody reads what you answer. What is to be known, do with your tools or your memory."
)


def wakeup_event(schedule: str, due_at: datetime) -> str:
    """Return the event id of a slot's wakeup: the same for whoever fires it."""
    return f"{schedule}@{due_at.isoformat()}"


def schedule_of(event_id: str) -> str:
    """Return the id of the schedule whose wakeup has this event id."""
    return event_id.rpartition("@")[0]


def to_wakeup(
    schedule: Schedule, wakeup: Wakeup, due_at: datetime, missed_before: int
) -> InboundMessage:
    """Return the message that wakes the agent of the owner, who has to be known, for this slot."""
    if wakeup.owner is None:
        raise ValueError(f'Whom "{schedule.id}" wakes is not known.')
    return InboundMessage(
        event_id=wakeup_event(schedule.id, due_at),
        conversation=wakeup.conversation,
        sender=wakeup.owner,
        text=_text(schedule, wakeup, due_at, missed_before),
        sent_at=due_at,
        kind=MessageKind.WAKEUP,
        target=NOWHERE if schedule.rules.silent else None,
        role=wakeup.role,
    )


def _text(schedule: Schedule, wakeup: Wakeup, due_at: datetime, missed: int) -> str:
    local = due_at.astimezone(load_zone(schedule.zone))
    sources = ", ".join(wakeup.data_sources)
    values = {
        "{timestamp}": local.isoformat(timespec="minutes"),
        "{name}": schedule.name,
        "{missed}": str(missed),
        "{data_sources}": sources,
    }
    text = wakeup.prompt
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    notes = [
        f"Data sources: {sources}." if sources and "{data_sources}" not in wakeup.prompt else "",
        f"This stands for {missed} earlier wakeups too, which were missed." if missed else "",
        f"Use at most {wakeup.max_actions} tool calls." if wakeup.max_actions is not None else "",
        NOBODY_READS if schedule.rules.silent else SILENCE_NOTE,
    ]
    return "\n".join([text, "", *(note for note in notes if note)])
