"""Workers over one Postgres that are killed and added at random: one turn a lane, in order."""

from __future__ import annotations

import pytest

from tests.crash.crowd import Crowd, CrowdOptions
from tests.fakes.postgres import postgres_schema

QUICK = CrowdOptions(
    conversations=60, seconds=3, pause_seconds=1.0, workers=3, kill_every_seconds=0.7
)
"""`python -m bench workers` has two thousand conversations and ten minutes."""


@pytest.mark.crash
async def test_workers_killed_and_added_at_random_break_no_promise() -> None:
    async with postgres_schema() as url:
        verdict = await Crowd(url, QUICK).run()

    assert verdict.kills
    assert verdict.resumed
    assert verdict.faults == {}
