"""What must always hold of slots that fire late, are missed, or are spread."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.domain.schedules import Misfire, Outside, Rules, Schedule
from scheduler.hours import is_active, visible_at
from scheduler.misfires import KEPT, LATE, OUTSIDE_HOURS, PAUSED, decide, first_fire, starting_at
from scheduler.triggers import parse_trigger, slots_until
from scheduler.zones import load_zone
from tests.fakes.minute_oracle import utc

START = utc(2026, 3, 1, 7, 13)
TRIGGERS = st.sampled_from(
    ["cron:*/15 * * * *", "cron:0 9 * * *", "cron:30 2 * * *", "every:60", "every:86400"]
)
HOURS = st.sampled_from([(None, None), ("08:00", "18:00"), ("22:00", "02:00"), ("02:00", "03:00")])
FREE_RULES = st.builds(
    Rules,
    misfire=st.sampled_from(Misfire),
    grace_seconds=st.sampled_from([0.0, 60.0, 4000.0]),
    max_catch_up=st.integers(1, 12),
    jitter_seconds=st.sampled_from([0, 30, 900, 7200]),
    quiet_days=st.sampled_from([(), ("sun",), ("sat", "sun")]),
    outside=st.sampled_from(Outside),
    paused_until=st.sampled_from([None, utc(2026, 3, 2, 12)]),
)
ZONES = st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"])


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    start, end = draw(HOURS)
    rules = replace(draw(FREE_RULES), active_from=start, active_to=end)
    return first_fire(Schedule("s1", draw(TRIGGERS), draw(ZONES), None, rules=rules), START)


SCHEDULES = schedules()
LATENESS = st.integers(0, 40 * 1440).map(lambda minutes: timedelta(minutes=minutes))


def due(schedule: Schedule) -> datetime:
    assume(schedule.next_at is not None)
    assert schedule.next_at is not None
    return schedule.next_at


@settings(max_examples=200, deadline=None)
@given(SCHEDULES, LATENESS)
def test_a_policy_fires_no_more_than_it_may(schedule: Schedule, late: timedelta) -> None:
    now = due(schedule) + late

    decision = decide(schedule, now)

    fired = [slot for slot in decision.slots if not slot.why_missed]
    wanted = [slot for slot in decision.slots if slot.why_missed in ("", LATE)]
    most = schedule.rules.max_catch_up if schedule.rules.misfire is Misfire.ALL else 1
    assert len(fired) <= most
    assert fired == wanted[len(wanted) - len(fired) :]
    if schedule.rules.misfire is not Misfire.SKIP:
        assert len(fired) == min(most, len(wanted))
        assert sum(slot.missed_before for slot in fired) == len(wanted) - len(fired)


@settings(max_examples=200, deadline=None)
@given(SCHEDULES, LATENESS)
def test_a_skipping_schedule_fires_only_in_its_grace(schedule: Schedule, late: timedelta) -> None:
    rules = replace(schedule.rules, misfire=Misfire.SKIP)
    schedule = replace(schedule, rules=rules)
    now, zone = due(schedule) + late, load_zone(schedule.zone)

    decision = decide(schedule, now)

    at = START
    for slot in decision.slots:
        # A slot waits for those before it, which may be spread further.
        at = max(at, visible_at("s1", rules, slot.due_at, zone))
        if not slot.why_missed:
            assert now - at <= timedelta(seconds=rules.grace_seconds)


@settings(max_examples=200, deadline=None)
@given(SCHEDULES, LATENESS)
def test_no_slot_is_passed_over_between_two_decisions(schedule: Schedule, late: timedelta) -> None:
    now = due(schedule) + late

    decision = decide(schedule, now)

    came = [slot.due_at for slot in decision.slots]
    trigger = parse_trigger(schedule.trigger, schedule.zone)
    assert schedule.next_slot is not None
    kept = slots_until(trigger, schedule.next_slot, now, KEPT)
    assert came[0] in (kept[0], schedule.next_slot)
    assert came == slots_until(trigger, came[0], came[-1], KEPT)
    assert came[0] == kept[0] or decision.next_slot == kept[0]
    assert decision.next_slot is None or decision.next_slot > came[-1]
    assert decision.next_at is None or decision.next_at > now


@settings(max_examples=200, deadline=None)
@given(SCHEDULES, LATENESS)
def test_what_rests_never_fires(schedule: Schedule, late: timedelta) -> None:
    rules, zone = schedule.rules, load_zone(schedule.zone)
    decision = decide(schedule, due(schedule) + late)

    for slot in decision.slots:
        is_paused = rules.paused_until is not None and slot.due_at < rules.paused_until
        is_outside = rules.outside is Outside.SKIP and not is_active(rules, slot.due_at, zone)
        assert (slot.why_missed in (PAUSED, OUTSIDE_HOURS)) == (is_paused or is_outside)


@settings(max_examples=200, deadline=None)
@given(SCHEDULES, st.integers(0, 100_000))
def test_a_slot_is_spread_the_same_way_everywhere(schedule: Schedule, minutes: int) -> None:
    slot = START + timedelta(minutes=minutes)
    rules, zone = schedule.rules, load_zone(schedule.zone)

    at = visible_at("s1", rules, slot, zone)

    assert at == visible_at("s1", rules, slot, zone)
    assert at >= slot
    if rules.outside is Outside.SKIP:
        assert at - slot <= timedelta(seconds=rules.jitter_seconds)
    else:
        unspread = visible_at("s1", replace(rules, jitter_seconds=0), slot, zone)
        assert is_active(rules, unspread, zone)


def test_slots_of_many_schedules_are_spread_over_the_whole_span() -> None:
    rules, zone = Rules(jitter_seconds=600), load_zone("UTC")

    shares = [visible_at(f"s{i}", rules, START, zone) - START for i in range(2000)]

    assert min(shares) < timedelta(seconds=10)
    assert max(shares) > timedelta(seconds=590)
    assert abs(sum(share.total_seconds() for share in shares) / 2000 - 300) < 30


def test_a_schedule_can_be_set_to_a_slot() -> None:
    schedule = Schedule("s1", "every:60", "UTC", None, rules=Rules(jitter_seconds=30))

    found = starting_at(schedule, START)

    assert found.next_slot == START
    assert found.next_at == visible_at("s1", schedule.rules, START, load_zone("UTC"))
