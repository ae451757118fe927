"""A gateway that is killed at random while people write: nothing lost, doubled or out of order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.kills import Load, killed
from tests.fakes.postgres import postgres_schema

QUICK = Load(kills=2, people=3, pause_seconds=0.3, longest_life_seconds=0.5)
"""`python -m bench kills` does two hundred."""

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("platform", ["discord", "slack"])
async def test_random_kills_on_sqlite_break_no_promise(tmp_path: Path, platform: str) -> None:
    verdict = await killed(tmp_path, "", platform, QUICK)

    assert verdict.written > QUICK.people
    assert verdict.faults == {}


@pytest.mark.parametrize("platform", ["discord", "slack"])
async def test_random_kills_on_postgres_break_no_promise(tmp_path: Path, platform: str) -> None:
    async with postgres_schema() as url:
        verdict = await killed(tmp_path, url, platform, QUICK)

    assert verdict.written > QUICK.people
    assert verdict.faults == {}
