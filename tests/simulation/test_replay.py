"""A seed is a history: the same one, again and again, in this process and in any other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.simulation import Options, run_seed
from tests.simulation.twins import TWINS

SEEDS = range(12)
ROOT = Path(__file__).parents[2]
DIGEST = "from tests.simulation.simulation import run_seed; print(run_seed({seed}).digest)"


def test_a_seed_replays_step_by_step() -> None:
    for seed in SEEDS:
        assert run_seed(seed).trace == run_seed(seed).trace


def test_another_process_sees_the_same_history() -> None:
    told = subprocess.run(
        [sys.executable, "-c", DIGEST.format(seed=8)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.strip() == run_seed(8).digest


def test_seeds_differ() -> None:
    assert len({run_seed(seed).digest for seed in SEEDS}) == len(SEEDS)


def test_a_failure_names_its_seed_its_promise_and_what_came_before() -> None:
    report = run_seed(0, Options(build=TWINS["logs too little"].build()))

    words = report.explain()

    assert words.startswith("Seed 0 broke\n  P12: ")
    assert report.trace[-1] in words
