"""How the benches measure: percentiles, and load that comes whatever the pace of the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 99th percentile in milliseconds."""
    return {
        "p50_ms": round(percentile(seconds, 50) * 1000, 3),
        "p99_ms": round(percentile(seconds, 99) * 1000, 3),
    }


async def offer(
    rate: float, seconds: float, call: Callable[[int], Awaitable[object]]
) -> dict[str, float]:
    """Call at a fixed rate; the latency counts from the moment a call was due.

    A stall is not hidden: what was due meanwhile waits, and its wait counts.
    """
    clock = time.perf_counter  # uvloop's own counts whole milliseconds
    latencies: list[float] = []
    count = int(rate * seconds)
    start = clock() + 0.05

    async def one(number: int, due: float) -> None:
        await call(number)
        latencies.append(clock() - due)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = start + number / rate
            if due > clock():
                await asyncio.sleep(due - clock())
            group.create_task(one(number, due))
    elapsed = clock() - start
    return {"offered_per_s": rate, "done_per_s": round(count / elapsed), **milliseconds(latencies)}


def per_second(count: int, since: float) -> int:
    """Return the rate of `count` things done since a `time.perf_counter()`."""
    return round(count / (time.perf_counter() - since))
