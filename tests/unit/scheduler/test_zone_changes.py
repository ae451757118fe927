"""A gateway starts again on a machine where a zone's rules have changed meanwhile."""

from __future__ import annotations

import zoneinfo
from collections.abc import Generator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import tzdata

from gateway.bootstrap import follow_zones
from gateway.domain.people import Route
from gateway.domain.schedules import Misfire, Outside, Rules, Schedule, Wakeup
from gateway.settings import Settings
from gateway.telemetry import Metrics
from scheduler.misfires import first_fire
from scheduler.ticker import Ticker
from scheduler.zone_changes import realigned
from scheduler.zones import zone_data_version
from storage.memory.store import MemoryStore
from tests.contracts.store.words import message, place
from tests.fakes.minute_oracle import utc
from tests.fakes.zone_data import ZoneData

VIENNA = "Europe/Vienna"
TWO_AHEAD, ONE_AHEAD, THREE_AHEAD = "OLD-2", "NEW-1", "NEW-3"
"""Noon is at 10:00, 11:00 and 9:00 UTC."""
POLICIES = [
    Rules(Misfire.SKIP),
    Rules(Misfire.SKIP, grace_seconds=3600),
    Rules(Misfire.ONE),
    Rules(Misfire.ALL, max_catch_up=9),
]


class Machine:
    """One that is started now and then, on the zone data that it then has."""

    def __init__(self, data: ZoneData) -> None:
        self._data = data
        self.store = MemoryStore()
        self.moment = utc(2026, 1, 5, 8)

    def now(self) -> datetime:
        return self.moment

    async def starts(self, posix: str, at: datetime | None = None) -> None:
        self._data.rule(VIENNA, posix)
        self.moment = at or self.moment
        await follow_zones(Settings(), self.store, self)

    async def schedules(self, trigger: str, rules: Rules | None = None) -> None:
        wakeup = Wakeup(place(), message("m").sender, "Look.")
        schedule = Schedule("s1", trigger, VIENNA, None, wakeup=wakeup, rules=rules or Rules())
        await self.store.schedules.put(first_fire(schedule, self.moment))

    async def runs_until(self, end: datetime) -> None:
        ticker = Ticker(self.store, {"postern": Route("postern")}, self, Metrics())
        while self.moment < end:
            await ticker.fire_due()
            self.moment += timedelta(minutes=10)

    async def slots(self) -> list[str]:
        """Return the slots as `DAY HOUR:MINUTE` in UTC, oldest first; in brackets those missed."""
        past = reversed(await self.store.schedules.past_slots("s1", 100))
        return [f"({s.due_at:%d %H:%M})" if s.was_missed else f"{s.due_at:%d %H:%M}" for s in past]


@pytest.fixture
def machine(tmp_path: Path) -> Generator[Machine]:
    data = ZoneData(tmp_path)
    yield Machine(data)
    data.removed()


@pytest.mark.parametrize("rules", POLICIES)
async def test_a_slot_that_was_due_and_is_later_now_waits_for_its_time(
    machine: Machine, rules: Rules
) -> None:
    await machine.starts(TWO_AHEAD)
    await machine.schedules("cron:0 12 * * *", rules)

    await machine.starts(ONE_AHEAD, utc(2026, 1, 5, 10, 30))
    await machine.runs_until(utc(2026, 1, 6, 12))

    assert await machine.slots() == ["05 11:00", "06 11:00"]


@pytest.mark.parametrize(
    ("rules", "slot"), [*zip(POLICIES, ["(05 09:00)", *["05 09:00"] * 3], strict=True)]
)
async def test_a_slot_that_should_have_come_already_is_late_by_the_policy(
    machine: Machine, rules: Rules, slot: str
) -> None:
    await machine.starts(TWO_AHEAD)
    await machine.schedules("cron:0 12 * * *", rules)

    await machine.starts(THREE_AHEAD, utc(2026, 1, 5, 9, 30))
    await machine.runs_until(utc(2026, 1, 6, 12))

    assert await machine.slots() == [slot, "06 09:00"]


@pytest.mark.parametrize(
    ("rules", "slots"),
    [
        (POLICIES[0], ["(05 09:00)", "(06 09:00)", "(07 09:00)"]),
        (POLICIES[1], ["(05 09:00)", "(06 09:00)", "07 09:00"]),
        (POLICIES[2], ["(05 09:00)", "(06 09:00)", "07 09:00"]),
        (POLICIES[3], ["05 09:00", "06 09:00", "07 09:00"]),
    ],
)
async def test_slots_that_nobody_was_awake_for_are_those_of_the_new_rules(
    machine: Machine, rules: Rules, slots: list[str]
) -> None:
    await machine.starts(TWO_AHEAD)
    await machine.schedules("cron:0 12 * * *", rules)

    await machine.starts(THREE_AHEAD, utc(2026, 1, 7, 9, 30))
    await machine.runs_until(utc(2026, 1, 7, 12))

    assert await machine.slots() == slots


@pytest.mark.parametrize("posix", [ONE_AHEAD, THREE_AHEAD])
@pytest.mark.parametrize("rules", POLICIES)
async def test_what_has_fired_on_a_day_does_not_fire_again_on_it(
    machine: Machine, rules: Rules, posix: str
) -> None:
    await machine.starts(TWO_AHEAD)
    await machine.schedules("cron:0 12 * * *", rules)
    await machine.runs_until(utc(2026, 1, 5, 10, 30))

    await machine.starts(posix)
    await machine.runs_until(utc(2026, 1, 6, 12))

    assert await machine.slots() == ["05 10:00", f"06 {'11' if posix == ONE_AHEAD else '09'}:00"]


async def test_a_line_that_follows_the_clock_goes_on_as_the_clock_shows_now(
    machine: Machine,
) -> None:
    await machine.starts(TWO_AHEAD)
    await machine.schedules("cron:0 * * * *")
    await machine.runs_until(utc(2026, 1, 5, 10, 10))

    await machine.starts("NEW-2:30")
    await machine.runs_until(utc(2026, 1, 5, 11, 40))

    assert await machine.slots() == ["05 09:00", "05 10:00", "05 10:30", "05 11:30"]


async def test_slots_that_wait_for_the_hours_wait_for_those_of_the_new_rules(
    machine: Machine,
) -> None:
    await machine.starts(TWO_AHEAD)
    rules = Rules(active_from="18:00", active_to="20:00", outside=Outside.DEFER)
    await machine.schedules("at:2026-01-05T09:00:00+00:00", rules)

    await machine.starts(ONE_AHEAD)

    (waiting,) = await machine.store.schedules.page("", 10)
    assert (waiting.next_slot, waiting.next_at) == (utc(2026, 1, 5, 9), utc(2026, 1, 5, 17))


async def test_what_no_longer_can_be_read_does_not_stop_the_start(machine: Machine) -> None:
    broken = Schedule("s0", "cron:0 12 * * *", "Nowhere/AtAll", utc(2026, 1, 5, 10))
    await machine.starts(TWO_AHEAD)
    await machine.store.schedules.put(broken)
    await machine.schedules("cron:0 12 * * *")

    await machine.starts(ONE_AHEAD)

    moments = [schedule.next_at for schedule in await machine.store.schedules.page("", 10)]
    assert moments == [utc(2026, 1, 5, 10), utc(2026, 1, 5, 11)]


def test_what_is_where_it_should_be_stays_there() -> None:
    interval = Schedule("s", "every:3600@2026-01-05T00:07:00+00:00", "UTC", utc(2026, 1, 5, 9, 7))
    due = Schedule("s", "cron:0 9 * * *", "UTC", utc(2026, 1, 5, 9))
    over = Schedule("s", "cron:0 9 * * *", "UTC", None)
    now = utc(2026, 1, 5, 9, 30)

    assert [realigned(each, now) for each in (interval, due, over)] == [None, None, None]


def test_a_line_is_moved_by_a_day_at_most() -> None:
    yearly = Schedule("s", "cron:0 9 1 6 *", "UTC", utc(2026, 5, 31, 10))

    moved = realigned(yearly, utc(2026, 1, 5))

    assert moved is not None
    assert moved.next_at == utc(2026, 6, 1, 9)


@pytest.mark.usefixtures("machine")
def test_without_data_of_the_machine_that_of_the_package_has_a_version(tmp_path: Path) -> None:
    zoneinfo.reset_tzpath([str(tmp_path)])

    assert zone_data_version() == tzdata.IANA_VERSION
