"""What the ticker makes of schedules that rest, are broken, or belong to nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.domain.ids import WorkerId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, person_id_of
from gateway.domain.schedules import Outside, Rules, Schedule, Wakeup
from gateway.telemetry import Metrics
from scheduler.misfires import first_fire
from scheduler.ticker import Ticker
from storage.memory.store import MemoryStore
from tests.contracts.store.words import NOW, ROUTE, message, place

HOUR = timedelta(hours=1)
HOURLY = Schedule(
    "s1", "cron:0 * * * *", "UTC", None, wakeup=Wakeup(place(), message("m").sender, "Look.")
)


class Hours:
    """A store and its ticker, in a time of their own."""

    def __init__(self) -> None:
        self.moment = NOW
        self.store = MemoryStore()
        self.metrics = Metrics()
        self._ticker = Ticker(self.store, {"postern": Route("postern")}, self, self.metrics)

    def now(self) -> datetime:
        return self.moment

    async def put(self, schedule: Schedule) -> None:
        await self.store.schedules.put(first_fire(schedule, self.moment))

    async def pass_by(self, hours: int) -> None:
        for _ in range(hours):
            self.moment += HOUR
            await self._ticker.fire_due()

    async def wakeups(self) -> list[InboundMessage]:
        claim = await self.store.turns.claim(WorkerId("w"), 9, HOUR, self.moment)
        return [heard for turn in claim.turns for heard in turn.messages]

    def counted(self, outcome: str) -> float | None:
        labels = {"outcome": outcome}
        return self.metrics.registry.get_sample_value("postern_fires_total", labels)


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        (Rules(active_from="20:00", active_to="22:00"), "outside_hours"),
        (Rules(quiet_days=("mon",)), "outside_hours"),
        (Rules(paused_until=NOW + 100 * HOUR), "paused"),
    ],
)
async def test_slots_that_rest_are_counted_and_wake_nobody(rules: Rules, outcome: str) -> None:
    hours = Hours()
    await hours.put(replace(HOURLY, rules=rules))

    await hours.pass_by(3)

    assert hours.counted(outcome) == 3
    assert await hours.wakeups() == []


async def test_slots_wait_for_the_hours_where_they_may() -> None:
    hours = Hours()
    rules = Rules(active_from="12:00", active_to="18:00", outside=Outside.DEFER)
    await hours.put(replace(HOURLY, rules=rules))

    await hours.pass_by(2)
    before = await hours.wakeups()
    await hours.pass_by(1)

    assert before == []
    assert [heard.sent_at for heard in await hours.wakeups()] == [NOW + 3 * HOUR]


async def test_a_schedule_that_can_not_be_read_stops_and_stops_no_other() -> None:
    hours = Hours()
    broken = replace(HOURLY, id="s0", trigger="never", next_at=NOW + HOUR)
    await hours.store.schedules.put(broken)
    await hours.put(HOURLY)

    await hours.pass_by(3)

    assert (hours.counted("broken"), hours.counted("fired")) == (1, 3)


async def test_a_schedule_whose_agent_is_gone_wakes_nobody() -> None:
    hours = Hours()
    assert HOURLY.wakeup is not None
    await hours.put(replace(HOURLY, wakeup=replace(HOURLY.wakeup, role="gone")))

    await hours.pass_by(1)

    assert hours.counted("no_agent") == 1
    assert await hours.wakeups() == []


async def test_without_an_owner_whoever_wrote_last_is_woken() -> None:
    hours = Hours()
    assert HOURLY.wakeup is not None
    await hours.put(replace(HOURLY, wakeup=replace(HOURLY.wakeup, owner=None)))
    await hours.store.turns.accept(message("m1", user="bob"), ROUTE, NOW)
    await hours.wakeups()

    await hours.pass_by(1)

    bob = person_id_of(Identity("fake", "local", "bob"))
    log = await hours.store.history.audit(0, 100)
    woken = [entry.subject for entry in log if entry.ref.endswith("@2026-01-05T10:00:00+00:00")]
    assert woken == [ROUTE.lane(bob, place())]


async def test_a_place_in_which_nobody_wrote_has_an_agent_of_its_own() -> None:
    hours = Hours()
    assert HOURLY.wakeup is not None
    await hours.put(replace(HOURLY, wakeup=replace(HOURLY.wakeup, owner=None)))

    await hours.pass_by(1)

    [heard] = await hours.wakeups()
    assert heard.sender.identity == Identity("fake", "local", "c1")


async def test_braces_in_a_prompt_stay_as_they_are() -> None:
    hours, prompt = Hours(), '{"a": {}} {0} {} {{x}} {timestamp.__class__} {payload} }{'
    await hours.put(replace(HOURLY, wakeup=Wakeup(place(), message("m").sender, prompt)))

    await hours.pass_by(1)

    [heard] = await hours.wakeups()
    assert heard.text.startswith(f"{prompt}\n")


async def test_a_prompt_tells_the_time_and_the_sources() -> None:
    hours = Hours()
    wakeup = Wakeup(
        place(), message("m").sender, "It is {timestamp} {x}.", data_sources=("arxiv", "email")
    )
    await hours.put(replace(HOURLY, zone="Europe/Vienna", wakeup=wakeup))

    await hours.pass_by(1)

    [heard] = await hours.wakeups()
    assert heard.text.startswith("It is 2026-01-05T11:00+01:00 {x}.\n\nData sources: arxiv, email.")
