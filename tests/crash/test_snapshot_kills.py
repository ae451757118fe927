"""A deployment on a SQLite file: its only worker is killed at random, and its disk is gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash.kills import Load
from tests.crash.snapshot_kills import killed_with_disk

KILLS = int(os.environ.get("POSTERN_KILLS", "10"))
ACK_SECONDS = 1.0 if "POSTERN_KILLS" in os.environ else 10.0
"""The long run is for a quiet machine, and held to what is promised."""
LOAD = Load(KILLS, people=1, pause_seconds=1.0, longest_life_seconds=1.2)

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300 + 12 * KILLS)]


async def test_workers_killed_with_their_disks_lose_nothing_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    verdict = await killed_with_disk(tmp_path, LOAD, ACK_SECONDS)

    assert verdict.written > LOAD.people
    assert verdict.rows_lost > 0, "No kill came before a snapshot."
    assert verdict.faults == {}, verdict
