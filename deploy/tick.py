"""What each minute brings: due schedules, dead leases, old texts, and a look who is missing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.bootstrap import (
    LISTENER,
    audit_retention,
    clock_of,
    follow_zones,
    make_ticker,
    opened_store,
    retention,
)
from gateway.domain.handed import PATHS
from gateway.ports import Clock, LeaseStore, Store
from gateway.settings import Settings

if TYPE_CHECKING:
    from scheduler.ticker import Ticker

_ROWS_PER_SWEEP = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did, and what it found."""

    fired: int
    """Slots of schedules that this sweep recorded; another tick of the same minute records 0."""
    turns: int
    deliveries: int
    """Taken up from workers that are dead."""
    dropped: int
    """Rows whose texts were kept long enough."""
    has_work: bool
    """Whether anything waits for a worker."""
    needs_listener: bool
    """Whether Discord is on and nobody listens there."""

    def as_json(self) -> dict[str, object]:
        """Return it as the command line shows it."""
        return asdict(self)


class Sweeper:
    """Sweeps one store. Any number of sweeps at once do everything once."""

    def __init__(self, settings: Settings, store: Store, ticker: Ticker, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._ticker = ticker
        self._clock = clock

    async def sweep(self, *, is_listening: bool) -> Swept:
        """Do all that is due now."""
        now, store = self._clock.now(), self._store
        fired = await self._ticker.fire_due()
        turns = await store.turns.recover(now)
        deliveries = await store.deliveries.recover(now)
        dropped = await self._dropped(now)
        listens = self._settings.discord.token is not None
        return Swept(
            fired=fired,
            turns=turns,
            deliveries=deliveries,
            dropped=dropped,
            has_work=await has_work(store),
            needs_listener=listens and not is_listening,
        )

    async def _dropped(self, now: datetime) -> int:
        """Drop what nobody keeps any longer, a bounded part of it in one sweep."""
        history, dropped = self._store.history, 0
        if (kept_for := retention(self._settings)) is not None:
            dropped += await history.retain(now - kept_for, _ROWS_PER_SWEEP)
        if (kept_for := audit_retention(self._settings)) is not None:
            dropped += await history.retain_audit(now - kept_for, _ROWS_PER_SWEEP)
        return dropped


async def has_work(store: Store) -> bool:
    """Whether anything waits for a worker or is being done by one."""
    counts = await store.history.counts()
    if counts.lanes_ready or counts.turns_running or counts.deliveries_open:
        return True
    return any([await store.handed.oldest(path, 1) for path in PATHS])


async def is_listening(leases: LeaseStore, clock: Clock) -> bool:
    """Whether somebody holds Discord's connection."""
    lease = await leases.held(LISTENER)
    return lease is not None and not lease.is_over(clock.now())


@asynccontextmanager
async def opened_sweeper(settings: Settings) -> AsyncGenerator[tuple[Sweeper, Store]]:
    """Open a shared store for one sweep; no agent and no platform is needed for it."""
    from gateway.telemetry import Metrics

    async with opened_store(settings) as store:
        clock = clock_of(settings, store)
        await follow_zones(settings, store, clock)
        ticker = make_ticker(settings, store, clock, Metrics())
        yield Sweeper(settings, store, ticker, clock), store


async def sweep_once(settings: Settings) -> Swept:
    """Open the shared store and sweep it."""
    async with opened_sweeper(settings) as (sweeper, store):
        listens = await is_listening(store.leases, clock_of(settings, store))
        return await sweeper.sweep(is_listening=listens)
