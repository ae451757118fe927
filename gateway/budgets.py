"""What people, agents and schedules may use in a day; asked before any model is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.domain.ids import PersonId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity
from gateway.domain.turns import Turn
from gateway.domain.usage import Charge, Spent
from gateway.ports import Clock, UsageStore

WARN_AT = (80, 95)
"""Per cent of a person's budget at which they are told, once each."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of a day; None where there is no limit."""

    turns: int | None = None
    tokens: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """What a day of UTC may cost."""

    person: Limits = NO_LIMITS
    agents: Mapping[str, Limits] = field(default_factory=dict[str, Limits])
    """By role, for all people together."""
    schedule: Limits = NO_LIMITS
    unlimited: frozenset[str] = frozenset()
    """Identities, as `platform:workspace:user`, that no person's budget binds."""


class Budgets:
    """Says whether a turn may still be run.

    Turns that run at once are each checked against what has ended, so a person's
    own agents together may pass a limit by one turn each, and never by more.
    """

    def __init__(self, usage: UsageStore, policy: BudgetPolicy, clock: Clock) -> None:
        self._usage = usage
        self._policy = policy
        self._clock = clock

    async def excess(self, turn: Turn) -> str | None:
        """Return the sentence for the person when a budget is used up; None when all have room."""
        now = self._clock.now()
        day, charge = now.date(), charge_of(turn, 0)
        of_person, of_agent = self._of_person(turn), self._of_agent(turn.role)
        of_schedule = self._policy.schedule if charge.schedule else NO_LIMITS
        if of_person != NO_LIMITS:
            spent = await self._usage.of_person(turn.person, day)
            if (used := used_up(spent, of_person)) is not None:
                return f"Your budget for today is used up ({used}). {_begins_anew(now)}"
        if of_agent != NO_LIMITS:
            spent = await self._usage.of_agent(turn.role, day)
            if (used := used_up(spent, of_agent)) is not None:
                return f"I have used up my budget for today ({used}). {_begins_anew(now)}"
        if of_schedule != NO_LIMITS:
            spent = await self._usage.of_schedule(charge.schedule, day)
            if (used := used_up(spent, of_schedule)) is not None:
                return f"This schedule's budget for today is used up ({used}). {_begins_anew(now)}"
        return None

    async def left(self, person: PersonId, identity: Identity) -> str | None:
        """Tell how much of the person's budget for today is used; None where they have none."""
        limits = NO_LIMITS if identity.key in self._policy.unlimited else self._policy.person
        if limits == NO_LIMITS:
            return None
        now = self._clock.now()
        spent = await self._usage.of_person(person, now.date())
        return f"{_of(spent, limits)}. {_begins_anew(now)}"

    async def warning(self, charge: Charge, turn: Turn) -> str | None:
        """Return what the person is told when this turn's end passes a mark of their budget."""
        limits = self._of_person(turn)
        if limits == NO_LIMITS:
            return None
        now = self._clock.now()
        before = await self._usage.of_person(turn.person, now.date())
        mark = passed_mark(before, before.plus(Spent(1, charge.tokens)), limits)
        if mark is None:
            return None
        return f"_You have used {mark} % of your budget for today. {_begins_anew(now)}_"

    def _of_person(self, turn: Turn) -> Limits:
        keys = {message.sender.identity.key for message in turn.messages}
        return NO_LIMITS if keys <= self._policy.unlimited else self._policy.person

    def _of_agent(self, role: str) -> Limits:
        return self._policy.agents.get(role, NO_LIMITS)


def charge_of(turn: Turn, tokens: int) -> Charge:
    """Return who a turn is put down to. Pure."""
    schedule = _schedule_of(turn.messages[0]) if turn.is_wakeup else ""
    return Charge(turn.person, turn.role, tokens, schedule)


def used_up(spent: Spent, limits: Limits) -> str | None:
    """Say which limit is reached, in words; None when there is room. Pure."""
    if limits.turns is not None and spent.turns >= limits.turns:
        return f"{spent.turns:,} of {limits.turns:,} turns"
    if limits.tokens is not None and spent.tokens >= limits.tokens:
        return f"{spent.tokens:,} of {limits.tokens:,} tokens"
    return None


def passed_mark(before: Spent, after: Spent, limits: Limits) -> int | None:
    """Return the highest mark, in per cent, that lies between the two; None for none. Pure."""
    was, now = _percent(before, limits), _percent(after, limits)
    passed = [mark for mark in WARN_AT if was < mark <= now]
    return max(passed, default=None)


def _of(spent: Spent, limits: Limits) -> str:
    """Say how much of each limit is used."""
    turns = f"{spent.turns:,} of {limits.turns:,} turns" if limits.turns else ""
    tokens = f"{spent.tokens:,} of {limits.tokens:,} tokens" if limits.tokens else ""
    return ", ".join(filter(None, (turns, tokens)))


def _percent(spent: Spent, limits: Limits) -> float:
    of_turns = 100 * spent.turns / limits.turns if limits.turns else 0.0
    of_tokens = 100 * spent.tokens / limits.tokens if limits.tokens else 0.0
    return max(of_turns, of_tokens)


def _begins_anew(now: datetime) -> str:
    midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    minutes = int((midnight - now).total_seconds() // 60) + 1
    wait = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return f"It begins anew at midnight UTC, in {wait}."


def _schedule_of(wakeup: InboundMessage) -> str:
    """Return the schedule's id: a wakeup's event id is `<schedule>@<moment>`."""
    return wakeup.event_id.rpartition("@")[0]
