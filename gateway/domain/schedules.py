"""Triggers that bring an agent back by itself, and the slots in which they fire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender


class Misfire(StrEnum):
    """What becomes of slots that nobody was there for."""

    SKIP = "skip"
    """None of them fires; only one that is late by the grace at most does."""
    ONE = "one"
    """The newest fires, once for all of them."""
    ALL = "all"
    """The newest fire, as many as may be caught up, oldest first."""


class Outside(StrEnum):
    """What becomes of a slot outside the active hours."""

    SKIP = "skip"
    DEFER = "defer"
    """It waits for the hours to begin."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How strictly a schedule takes its trigger."""

    misfire: Misfire = Misfire.ONE
    grace_seconds: float = 60.0
    """How late a slot still counts as on time, for SKIP."""
    max_catch_up: int = 3
    """How many slots ALL fires at once."""
    jitter_seconds: int = 0
    """Each slot fires up to this much later, always the same for the same slot."""
    active_from: str | None = None
    """`HH:MM` on the wall clock of the schedule's zone; None for no limit."""
    active_to: str | None = None
    """`HH:MM`, not part of the hours; may be the earlier one, for hours over midnight."""
    quiet_days: tuple[str, ...] = ()
    """Of `mon`, `tue` … `sun`: days on which it rests."""
    outside: Outside = Outside.SKIP
    paused_until: datetime | None = None
    """Slots before it are passed over."""
    skip_busy: bool = False
    """Passed over while the agent is at work."""
    skip_recent_seconds: int = 0
    """Passed over when somebody wrote in the conversation so shortly before."""
    heartbeat: bool = False
    """Wakes only when a data source holds something new; without any, unread messages count."""
    silent: bool = False
    """What the agent answers is posted nowhere: it works by its tools and its memory."""


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Who is woken, where the answer goes, and what the agent is told."""

    conversation: Conversation
    owner: Sender | None
    """In whose name: their agent wakes, in their lane, on their budget. None for whoever wrote
    last in the conversation when the slot comes."""
    prompt: str
    """May hold `{timestamp}`, `{name}`, `{missed}` and `{data_sources}`."""
    role: str | None = None
    """The agent; None for the default one."""
    data_sources: tuple[str, ...] = ()
    max_actions: int | None = None
    """Tool calls that one wakeup may make; None for the limit of all turns."""
    generation: int | None = None
    """None when a person or the operator made it. Of an agent's own reminder: how many
    wakeups its making goes back to, 0 when it was made in answer to a person."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A trigger with a prompt and a place to answer in."""

    id: str
    trigger: str
    """`cron:EXPR`, `every:SECONDS` or `at:ISO-8601`."""
    zone: str
    """IANA name of the time zone that the trigger's wall-clock times are in."""
    next_at: datetime | None
    """When it is to be fired next; None when there is no slot any more."""
    is_paused: bool = False
    revision: int = 0
    """Changes with every edit, so that a fire computed from an old version does nothing."""
    slot_at: datetime | None = None
    """The slot that is fired at `next_at`, where jitter or active hours make it wait."""
    name: str = ""
    wakeup: Wakeup | None = None
    """None makes its slots pass unheard."""
    rules: Rules = Rules()
    failures: int = 0
    """Of its last slots, how many in a row failed; an edit makes it 0."""
    rest_until: datetime | None = None
    """Slots before it are passed over, because the last ones failed."""

    @property
    def next_slot(self) -> datetime | None:
        """The slot that is fired next."""
        return self.slot_at or self.next_at


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
    slot_at: datetime | None = None
    """What the schedule's `slot_at` becomes."""
    why: str = ""
    """Why it was missed, for the audit log: `late`, `outside_hours` …"""

    @property
    def missed_by(self) -> Identity | None:
        """In whose name it was missed; None when it was not, or in nobody's."""
        owner = self.schedule.wakeup.owner if self.schedule.wakeup else None
        return owner.identity if owner and self.message is None else None


@dataclass(frozen=True, slots=True)
class PastSlot:
    """A slot as it was recorded."""

    due_at: datetime
    fired_at: datetime
    was_missed: bool
    why: str = ""
    """Of a missed one: `late`, `paused`, `outside_hours` …"""
    result: str | None = None
    """What a fired one came to; None until its turn and its posts are settled."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When, as somebody said it: in exactly one of three ways."""

    zone: str = "UTC"
    cron: str | None = None
    every: str | None = None
    """`15m`, `2 hours`."""
    at: str | None = None
    """A moment or a phrase: `tomorrow at 9`, `every weekday 8:30`."""


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule as somebody wishes it; not checked yet."""

    name: str
    timing: Timing
    conversation: str
    prompt: str
    owner: str | None = None
    """`platform:workspace:user`; None for whoever wrote last in the conversation."""
    role: str | None = None
    rules: Rules = Rules()
    data_sources: tuple[str, ...] = ()
    max_actions: int | None = None


@dataclass(frozen=True, slots=True)
class RosterDefaults:
    """What a roster of schedules may leave open."""

    conversation: str | None = None
    owner: str | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class ScheduleReport:
    """A schedule as people are shown it."""

    schedule: Schedule
    words: str
    """How its trigger was understood."""
    next_fires: tuple[datetime, ...]
    """In its own zone."""
