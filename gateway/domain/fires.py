"""What became of slots that fired: how their turns ended, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.turns import TurnState

NOTHING_NEW = "nothing_new"
OVER_BUDGET = "over_budget"
"""Why a turn was called off, and what its slots come to: no model was asked."""


@dataclass(frozen=True, slots=True)
class EndedSlot:
    """A slot whose turn is over and whose posts are settled, before anybody judged it."""

    schedule: str
    due_at: datetime
    state: TurnState
    error: str | None
    """Why the turn failed or was called off."""
    posts: int
    """Messages of its answer."""
    refused: str | None
    """Why one of them will never be seen; None when all are there."""


@dataclass(frozen=True, slots=True)
class SlotVerdict:
    """What a slot came to, and what follows for its schedule: one commit."""

    schedule: str
    due_at: datetime
    result: str
    """`posted`, `silent`, `nothing_new`, `failed`, `undelivered` …"""
    failures: int = 0
    """Failed slots in a row, this one included."""
    rest_until: datetime | None = None
    """Slots before it are passed over."""
    is_pausing: bool = False
    alert: NewDelivery | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """One line of an agent's log: a slot, and what it came to."""

    schedule: str
    due_at: datetime
    at: datetime
    """When it was recorded."""
    outcome: str
    """Why it was missed, what it came to, or `open` while its turn is not over."""
    person: str | None = None
    """Whose agent woke; None when it did not."""
    conversation: Conversation | None = None
    turn: str | None = None
    posts: tuple[str, ...] = ()
    """What it said, as far as it is kept."""

    @property
    def cursor(self) -> str:
        """Pass it as `before` for older lines."""
        return f"{self.at.isoformat()}|{self.due_at.isoformat()}|{self.schedule}"


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether an agent is at work, and when somebody last wrote where it would be woken."""

    is_busy: bool
    heard_at: datetime | None


def read_cursor(cursor: str) -> tuple[datetime, datetime, str]:
    """Return the three parts of an activity's cursor; raises ValueError."""
    at, due_at, schedule = cursor.split("|", 2)
    if "\0" in schedule:
        raise ValueError("No schedule has such a name.")
    return _read_moment(at), _read_moment(due_at), schedule


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f'"{text}" has no time zone.')
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f'"{text}" is beyond the calendar.') from error
