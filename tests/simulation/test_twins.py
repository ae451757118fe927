"""Whoever breaks a promise is caught: each twin within a bounded number of seeds."""

from __future__ import annotations

import pytest

from tests.simulation.simulation import Options, run_seed
from tests.simulation.twins import TWINS

BOUND = 150


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=f"{name}: {min(t.caught_by)}") for name, t in TWINS.items()]
)
def test_a_twin_is_caught_by_its_promise(name: str) -> None:
    twin = TWINS[name]

    caught = (
        run_seed(
            seed, Options(build=twin.build(), weather=twin.weather, workers=twin.workers)
        ).promises
        for seed in range(BOUND)
    )

    assert any(promises & twin.caught_by for promises in caught)
