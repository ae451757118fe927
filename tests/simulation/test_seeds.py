"""Thousands of histories of faults, and every promise kept in each.

POSTERN_SIM_SEEDS=100000 runs so many; POSTERN_SIM_FROM=4711 begins there.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import pytest

from gateway.ports import Store
from storage.postgres import PoolOptions, PostgresStore
from storage.sqlite import SqliteStore
from tests.fakes.postgres import postgres_schema
from tests.simulation.elsewhere import opened_elsewhere
from tests.simulation.simulation import Options, run_seed
from tests.simulation.weather import STORMS

SEEDS = int(os.environ.get("POSTERN_SIM_SEEDS", "2000"))
FIRST = int(os.environ.get("POSTERN_SIM_FROM", "0"))
CHUNKS = 20
SQLITE_SEEDS = 40
POSTGRES_SEEDS = 10
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - for commits that need no disk
RAM = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None

REGRESSIONS = [
    int(line.split()[0])
    for line in (Path(__file__).parent / "regressions.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def _assert_kept(seed: int, options: Options | None = None) -> None:
    report = run_seed(seed, options)
    assert not report.broken, report.explain()


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_what_once_broke_a_promise_keeps_it(seed: int) -> None:
    _assert_kept(seed)


@pytest.mark.timeout(300 + SEEDS // CHUNKS)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_promise_is_kept_whatever_befalls(chunk: int) -> None:
    for seed in range(FIRST + chunk, FIRST + SEEDS, CHUNKS):
        _assert_kept(seed)


@pytest.mark.parametrize("chunk", range(2))
def test_every_promise_is_kept_in_the_worst_weather(chunk: int) -> None:
    for seed in range(FIRST + chunk, FIRST + 20, 2):
        _assert_kept(seed, Options(weather=STORMS))


@pytest.mark.parametrize("chunk", range(4))
def test_a_seed_is_the_same_history_on_sqlite(chunk: int) -> None:
    for seed in range(FIRST + chunk, FIRST + SQLITE_SEEDS, 4):
        with tempfile.TemporaryDirectory(dir=RAM) as folder:
            _assert_same(seed, SqliteStore(Path(folder) / "postern.db"))


@pytest.mark.parametrize("chunk", range(2))
def test_a_seed_is_the_same_history_on_postgres(chunk: int) -> None:
    for seed in range(FIRST + chunk, FIRST + POSTGRES_SEEDS, 2):
        url = asyncio.run(_schema())
        _assert_same(seed, PostgresStore(url, PoolOptions(2), is_listening=False))


def _assert_same(seed: int, store: Store) -> None:
    """Every promise is kept, and the trace is that of the store in memory, step by step."""
    with opened_elsewhere(store) as elsewhere:
        report = run_seed(seed, Options(store=elsewhere))
    assert not report.broken, report.explain()
    assert report.trace == run_seed(seed).trace


async def _schema() -> str:
    async with postgres_schema() as url:
        return url
