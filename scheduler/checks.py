"""What a schedule must be like to be taken: reason and nearest valid form for all else. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from gateway.domain.schedules import Outside, Rules, Schedule
from gateway.errors import BadInput
from scheduler.hours import WEEKDAYS, next_opening, parse_hour
from scheduler.misfires import why_skipped
from scheduler.triggers import (
    HORIZON,
    Cron,
    Every,
    Once,
    Trigger,
    check_expression,
    next_after,
    parse_trigger,
    slots,
)
from scheduler.zones import find_zone, load_zone

LEAST_SECONDS = 60
"""Nothing fires more often."""
LONGEST_PROMPT = 20_000
MOST_CATCH_UP = 100
_LOOKED_AT = 1_000
"""So many slots may lie outside the active hours before we say that all of them do."""


def check(schedule: Schedule, now: datetime) -> None:
    """Raise BadInput when the schedule can not be taken as it is."""
    zone = find_zone(schedule.zone)
    trigger = parse_trigger(schedule.trigger, schedule.zone)
    _check_trigger(trigger, now)
    _check_rules(schedule.rules)
    if next_opening(schedule.rules, now, zone) is None:
        raise BadInput("All days are quiet; leave one out.")
    _check_hours(schedule, trigger, now)
    prompt = schedule.wakeup.prompt if schedule.wakeup else ""
    if not prompt.strip():
        raise BadInput(
            "The prompt is empty. Say what the agent should do, such as "
            '"Look for new papers and tell me what matters."'
        )
    if len(prompt) > LONGEST_PROMPT:
        raise BadInput(f"The prompt has {len(prompt):,} characters; {LONGEST_PROMPT:,} is most.")


def _check_trigger(trigger: Trigger, now: datetime) -> None:
    match trigger:
        case Cron(expression):
            check_expression(expression)
        case Every(seconds) if seconds < LEAST_SECONDS:
            raise BadInput(
                f"Every {seconds} seconds is too often; once a minute is most. "
                'The nearest that is taken is "1m".'
            )
        case Every(seconds) if timedelta(seconds=seconds) > HORIZON:
            raise BadInput("This interval is longer than ten years.")
        case Once(at) if at <= now:
            raise BadInput(f"{at:%Y-%m-%d %H:%M} UTC is over; take a moment to come.")
        case _:
            pass
    slot = next_after(trigger, now)
    if slot is None or slot > now + HORIZON:
        raise BadInput(
            "This does not fire within ten years: no day fits, or it is too far away. "
            'A day that comes is "0 9 28 2 *", the last one of each month "0 9 L * *".'
        )


def _check_rules(rules: Rules) -> None:
    for hour in (rules.active_from, rules.active_to):
        if hour is not None:
            parse_hour(hour)
    unknown = [day for day in rules.quiet_days if day not in WEEKDAYS]
    if unknown:
        raise BadInput(f'"{unknown[0]}" is no day; they are {", ".join(WEEKDAYS)}.')
    if not 0 <= rules.jitter_seconds <= 86_400:
        raise BadInput("The jitter is from 0 to 86,400 seconds (a day).")
    if not 1 <= rules.max_catch_up <= MOST_CATCH_UP:
        raise BadInput(f"From 1 to {MOST_CATCH_UP} slots can be caught up.")
    if not 0 <= rules.skip_recent_seconds <= 604_800:
        raise BadInput("A wakeup is passed over up to 604,800 seconds (a week) after a message.")
    if not 0 <= rules.grace_seconds <= HORIZON.total_seconds():
        raise BadInput("The grace is a number of seconds from 0.")


def _check_hours(schedule: Schedule, trigger: Trigger, now: datetime) -> None:
    rules = schedule.rules
    if rules.outside is Outside.DEFER:
        return
    start = max(now, rules.paused_until or now)
    coming = list(islice(slots(trigger, start), _LOOKED_AT))
    if coming and all(why_skipped(rules, slot, schedule.zone) for slot in coming):
        first = coming[0].astimezone(load_zone(schedule.zone))
        raise BadInput(
            f"No slot lies within the active hours: the first one would be {first:%a %H:%M}. "
            "Change the hours or the trigger, or let slots wait for the hours (defer)."
        )
