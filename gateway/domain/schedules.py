"""Triggers that bring an agent back by itself, and the slots in which they fire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.messages import InboundMessage
from gateway.domain.people import Route


@dataclass(frozen=True, slots=True)
class Schedule:
    """A trigger with a prompt and a place to answer in."""

    id: str
    trigger: str
    """`cron:EXPR`, `every:SECONDS` or `at:ISO-8601`."""
    zone: str
    """IANA name of the time zone that the trigger's wall-clock times are in."""
    next_at: datetime | None
    """The next due moment; None when there is none any more."""
    is_paused: bool = False
    revision: int = 0
    """Changes with every edit, so that a fire computed from an old version does nothing."""


@dataclass(frozen=True, slots=True)
class Fire:
    """One slot of a schedule becoming due: the message, and the advance, in one commit."""

    schedule: Schedule
    """As it was read; the fire does nothing when it changed meanwhile."""
    due_at: datetime
    """The slot: (schedule, due_at) fires at most once, ever."""
    next_at: datetime | None
    message: InboundMessage | None
    """None when the slot is recorded as missed."""
    route: Route
