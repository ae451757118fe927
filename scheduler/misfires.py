"""Which slots of a schedule fire now, which are missed, and what comes next. Pure.

Decided from the schedule as the store has it, never from what this process remembers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import assert_never

from gateway.domain.schedules import Misfire, Outside, Rules, Schedule
from scheduler.hours import is_active, visible_at
from scheduler.triggers import next_after, parse_trigger, slots_until
from scheduler.zones import load_zone

KEPT = 100
"""Of the slots that passed unnoticed, so many are recorded one by one; older ones are not."""

LATE = "late"
OUTSIDE_HOURS = "outside_hours"
PAUSED = "paused"
RESTING = "resting"
"""Why a slot is missed that comes too soon after others that failed."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that came."""

    due_at: datetime
    why_missed: str = ""
    """Empty when it fires."""
    missed_before: int = 0
    """How many this one stands for besides itself."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a schedule that is due."""

    slots: tuple[Slot, ...]
    """Oldest first, never empty."""
    next_slot: datetime | None
    next_at: datetime | None


def decide(schedule: Schedule, now: datetime) -> Decision:
    """Decide about a schedule whose `next_at` has come. Raises BadInput when it is broken."""
    trigger = parse_trigger(schedule.trigger, schedule.zone)
    zone, rules = load_zone(schedule.zone), schedule.rules
    first = schedule.next_slot or now

    def is_visible(slot: datetime) -> bool:
        return slot == first or visible_at(schedule.id, rules, slot, zone) <= now

    passed = slots_until(trigger, first, now, KEPT)
    came = list(takewhile(is_visible, passed))
    following = next_after(trigger, came[-1]) if came else next(iter(passed), None)
    if not came:
        # Only slots that are not kept came before those that still wait.
        came = [first]
        following = following or next_after(trigger, first)
    return Decision(
        slots=tuple(_judged(schedule, came, now)),
        next_slot=following,
        next_at=following and visible_at(schedule.id, rules, following, zone),
    )


def passed_over(decision: Decision, why: str) -> Decision:
    """Return the decision with no slot firing, for this reason; an empty one changes nothing."""
    if not why:
        return decision
    slots = tuple(replace(slot, why_missed=slot.why_missed or why) for slot in decision.slots)
    return replace(decision, slots=slots)


def first_fire(schedule: Schedule, now: datetime) -> Schedule:
    """Return the schedule set to its first slot after now."""
    return starting_at(schedule, next_after(parse_trigger(schedule.trigger, schedule.zone), now))


def starting_at(schedule: Schedule, slot: datetime | None) -> Schedule:
    """Return the schedule set to this slot."""
    zone = load_zone(schedule.zone)
    at = slot and visible_at(schedule.id, schedule.rules, slot, zone)
    return replace(schedule, slot_at=slot, next_at=at)


def why_skipped(rules: Rules, slot: datetime, zone_name: str) -> str:
    """Return why a slot is passed over whether late or not; empty when it is not."""
    if rules.paused_until is not None and slot < rules.paused_until:
        return PAUSED
    if rules.outside is Outside.SKIP and not is_active(rules, slot, load_zone(zone_name)):
        return OUTSIDE_HOURS
    return ""


def _judged(schedule: Schedule, came: list[datetime], now: datetime) -> list[Slot]:
    rules = schedule.rules
    reasons = {
        slot: why_skipped(rules, slot, schedule.zone) or _why_resting(schedule, slot)
        for slot in came
    }
    wanted = [slot for slot in came if not reasons[slot]]
    missed = max(0, len(wanted) - _firing_count(schedule, wanted, now))
    firing = wanted[missed:]
    return [
        Slot(slot, missed_before=missed if slot == firing[0] else 0)
        if slot in firing
        else Slot(slot, reasons[slot] or LATE)
        for slot in came
    ]


def _why_resting(schedule: Schedule, slot: datetime) -> str:
    is_resting = schedule.rest_until is not None and slot < schedule.rest_until
    return RESTING if is_resting else ""


def _firing_count(schedule: Schedule, wanted: list[datetime], now: datetime) -> int:
    """Return how many of the newest slots fire."""
    rules = schedule.rules
    match rules.misfire:
        case Misfire.SKIP:
            grace = timedelta(seconds=rules.grace_seconds)
            zone = load_zone(schedule.zone)
            # The newest waited for those before it, which may be spread further.
            on_time = (visible_at(schedule.id, rules, slot, zone) >= now - grace for slot in wanted)
            return int(any(on_time))
        case Misfire.ONE:
            return 1
        case Misfire.ALL:
            return rules.max_catch_up
        case _:
            assert_never(rules.misfire)
