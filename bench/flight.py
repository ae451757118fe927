"""Thousands of turns in flight: what an acknowledgement waits meanwhile, and what they weigh."""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop

from bench.hub import Hub, InstantAgents
from bench.measuring import milliseconds, offer
from bench.soak import resident_mb
from bench.store import machine, raw_limits
from bench.stores import add_database, raw_postgres, stores
from gateway.domain.turns import RunRequest, TurnEvent

FILL_RATE = 1_000.0
PEOPLE_PER_TURN = 4
"""So many more people than turns, so that hardly anybody writes to a busy agent."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be varied."""
    add_database(parser)
    parser.add_argument("--turns", type=int, default=5_000, help="in flight")
    parser.add_argument("--think", type=float, default=25, help="seconds of a turn, on average")
    parser.add_argument("--seconds", type=float, default=30, help="length of the measurement")


def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Measure; the raw limits first."""
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        return {"machine": machine(), **uvloop.run(measure(Path(folder), arguments))}


class ThinkingAgents(InstantAgents):
    """Agents that think for a while, on average so long."""

    def __init__(self, written_at: dict[str, float]) -> None:
        super().__init__(written_at)
        self.in_flight = 0
        self.think_seconds = 0.0
        self._chance = random.Random(1)

    async def until_all_have_begun(self, count: int) -> None:
        """Wait until so many messages have been heard, since the bench began."""
        while len(self.waits) < count:  # noqa: ASYNC110 - a bench may look now and then
            await asyncio.sleep(0.05)

    async def run(self, request: RunRequest) -> AsyncIterator[TurnEvent]:
        """Think, and answer."""
        self.in_flight += 1
        try:
            if self.think_seconds:
                await asyncio.sleep(self._chance.expovariate(1 / self.think_seconds))
            async for event in super().run(request):
                yield event
        finally:
            self.in_flight -= 1


async def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Offer the same load with nothing in flight, and with so many turns; weigh the process."""
    async with stores(arguments.database, folder) as new_store, new_store() as store:
        raw = raw_limits(folder) if arguments.database == "sqlite" else await raw_postgres()
        hub = Hub(store, ThinkingAgents, arguments.turns * 2, arguments.turns * PEOPLE_PER_TURN)
        async with hub.running():
            weight = resident_mb()
            figures = await _flown(hub, arguments)
            heavier = resident_mb()
    return {
        **raw,
        **figures,
        "rss_mb_idle": round(weight, 1),
        "rss_mb_in_flight": round(heavier, 1),
        "rss_mb_more": round(heavier - weight, 1),
    }


async def _flown(hub: Hub[ThinkingAgents], arguments: argparse.Namespace) -> dict[str, object]:
    agents, turns, rate = hub.agents, arguments.turns, arguments.turns / arguments.think
    without = await _offered(hub, rate, min(5.0, arguments.seconds))
    await hub.drained()
    agents.think_seconds = arguments.think
    await offer(FILL_RATE, turns / FILL_RATE, hub.says)
    await agents.until_all_have_begun(len(hub.written_at))
    begun, in_flight = len(agents.waits), agents.in_flight
    # As many begin as end, of other people.
    acked = await _offered(hub, rate, arguments.seconds, first=turns)
    return {
        "in_flight_at_the_beginning": in_flight,
        "in_flight_at_the_end": agents.in_flight,
        "ack_with_none_in_flight": without,
        "ack": acked,
        "dispatch": milliseconds(agents.waits[begun:]),
    }


async def _offered(
    hub: Hub[ThinkingAgents], rate: float, seconds: float, first: int = 0
) -> dict[str, float]:
    began = time.process_time()
    found = await offer(rate, seconds, lambda number: hub.says(first + number))
    cpu_ms = (time.process_time() - began) / (rate * seconds) * 1000
    return {**found, "cpu_ms_per_message": round(cpu_ms, 3)}
