"""Fires what is due: slot, advance and wakeup in one commit, with any number of workers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.people import Route
from gateway.domain.routing import Routing
from gateway.domain.schedules import Fire, Schedule
from gateway.errors import BadInput, StoreUnavailable
from gateway.ports import Clock, Store
from gateway.telemetry import Metrics
from scheduler.misfires import Decision, Slot, decide, passed_over
from scheduler.owners import route_of
from scheduler.skips import SkipRules
from scheduler.wakeups import to_wakeup

log = logging.getLogger(__name__)

BROKEN = "broken"
"""Why a slot is missed whose schedule can not be read; it never fires again until it is edited."""
NO_AGENT = "no_agent"
"""Why a slot is missed whose agent is no longer in the settings."""


@dataclass(frozen=True, slots=True)
class TickerOptions:
    """How often to look."""

    poll: timedelta = timedelta(seconds=20)
    """At least so often, for schedules that others changed and clocks that were set."""
    batch: int = 200
    """Schedules that are fired in one commit."""
    aside: timedelta = timedelta(seconds=0.25)
    """How long one lets another go on that was faster, instead of racing it for each batch."""


class Ticker:
    """Brings agents back by themselves. A slot fires once, whoever else ticks.

    Every step is decided from what the store holds, and the store refuses the
    same slot a second time, so neither a crash nor a clock that is set fires it twice.
    """

    def __init__(
        self,
        store: Store,
        routes: Mapping[str, Route],
        clock: Clock,
        metrics: Metrics,
        options: TickerOptions | None = None,
        skips: SkipRules | None = None,
    ) -> None:
        self._schedules = store.schedules
        self._routing = Routing.of(routes)
        self._skips = skips or SkipRules(store)
        self._clock = clock
        self._metrics = metrics
        self._options = options or TickerOptions()

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self._schedules.changed.clear()
            next_due = None
            try:
                await self.fire_due()
                next_due = await self._schedules.next_due()
            except StoreUnavailable as error:
                log.warning("schedules_not_fired", extra={"error": str(error)})
            except Exception:  # the loop's edge: whatever befalls one tick, the next one comes
                log.exception("tick_failed")
            await self._wait(next_due)

    async def fire_due(self) -> int:
        """Fire all that is due now; returns how many slots this call recorded."""
        recorded = 0
        while True:
            now = self._clock.now()
            due = await self._schedules.due(now, self._options.batch)
            looked = [await self._skips.look(each, self._routing, now) for each in due]
            fires = [fire for each, why in looked for fire in self._fires(each, why, now)]
            if not fires:
                return recorded
            count = await self._schedules.fire(fires, now)
            recorded += count
            self._count(fires, count, now)
            if count == 0:
                await asyncio.sleep(self._options.aside.total_seconds())
            if len(due) < self._options.batch:
                return recorded

    async def _wait(self, next_due: datetime | None) -> None:
        wait = self._options.poll
        if next_due is not None:
            wait = min(wait, max(next_due - self._clock.now(), timedelta()))
        try:
            async with asyncio.timeout(wait.total_seconds()):
                await self._schedules.changed.wait()
        except TimeoutError:
            return

    def _fires(self, schedule: Schedule, why: str, now: datetime) -> list[Fire]:
        try:
            return self._decided(schedule, passed_over(decide(schedule, now), why))
        except BadInput as error:
            log.error(  # noqa: TRY400 - the sentence says it all
                "schedule_broken", extra={"schedule": schedule.id, "error": str(error)}
            )
            due_at = schedule.next_slot or now
            return [Fire(schedule, due_at, None, None, Route(""), why=BROKEN)]

    def _decided(self, schedule: Schedule, decision: Decision) -> list[Fire]:
        """Return one fire for each slot; each but the last advances to the one after it."""
        following = [*(slot.due_at for slot in decision.slots[1:]), decision.next_slot]
        *between, last = following
        return [
            *(
                self._fire(schedule, slot, then, then)
                for slot, then in zip(decision.slots, between, strict=False)
            ),
            self._fire(schedule, decision.slots[-1], decision.next_at, last),
        ]

    def _fire(
        self,
        schedule: Schedule,
        slot: Slot,
        next_at: datetime | None,
        next_slot: datetime | None,
    ) -> Fire:
        wakeup, route = schedule.wakeup, self._route(schedule)
        why = slot.why_missed or ("" if wakeup and route else NO_AGENT)
        message = None
        if wakeup is not None and route is not None and not why:
            message = to_wakeup(schedule, wakeup, slot.due_at, slot.missed_before)
        return Fire(
            schedule, slot.due_at, next_at, message, route or Route(""), slot_at=next_slot, why=why
        )

    def _route(self, schedule: Schedule) -> Route | None:
        wakeup = schedule.wakeup
        return route_of(self._routing, wakeup) if wakeup else None

    def _count(self, fires: list[Fire], recorded: int, now: datetime) -> None:
        """Count what happened; where another worker was faster, what each one did is not known."""
        if recorded < len(fires):
            self._metrics.fires.labels(outcome="shared").inc(recorded)
            return
        for fire in fires:
            outcome = fire.why or "fired"
            self._metrics.fires.labels(outcome=outcome).inc()
            details = {"schedule": fire.schedule.id, "slot": fire.due_at.isoformat()}
            log.info("slot_came", extra={**details, "outcome": outcome})
            if fire.message is not None:
                late = (now - (fire.schedule.next_at or now)).total_seconds()
                self._metrics.fire_late_seconds.observe(max(0.0, late))
