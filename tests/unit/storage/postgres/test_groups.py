"""What many turns do at the same moment shares a commit, and fails for its own sake alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from gateway.domain.ids import RunId
from gateway.domain.turns import Turn
from gateway.errors import Fenced
from storage.postgres import PostgresStore
from storage.postgres.turns import PostgresTurns
from tests.contracts.store.words import ROUTE, at, claim_turns, message, stale
from tests.fakes.postgres import postgres_schema

PEOPLE = 20
RUN = RunId("run-1")


@dataclass(frozen=True)
class Busy:
    """A store in which agents are at work for many people."""

    turns: PostgresTurns
    running: tuple[Turn, ...]


@pytest.fixture
async def busy() -> AsyncGenerator[Busy]:
    async with postgres_schema() as url:
        store = PostgresStore(url)
        await store.open()
        for number in range(PEOPLE):
            await store.turns.accept(message(f"e{number}", user=f"u{number}"), ROUTE, at(0))
        running = await claim_turns(store)
        assert isinstance(store.turns, PostgresTurns)
        yield Busy(store.turns, running)
        await store.close()


async def test_runs_that_begin_together_share_a_commit(busy: Busy) -> None:
    lost, *held = busy.running
    records = [busy.turns.record_run(turn.ref, 0, RUN) for turn in held]

    results = await asyncio.gather(
        busy.turns.record_run(stale(lost), 0, RUN), *records, return_exceptions=True
    )

    assert isinstance(results[0], Fenced)
    assert results[1:] == [None] * len(held)
    assert busy.turns.recording.commits == 1


async def test_a_round_that_can_not_be_fails_alone(busy: Busy) -> None:
    first, *others = busy.running
    records = [busy.turns.record_run(turn.ref, 0, RUN) for turn in others]

    results = await asyncio.gather(
        busy.turns.record_run(first.ref, 3, RUN), *records, return_exceptions=True
    )

    assert isinstance(results[0], ValueError)
    assert results[1:] == [None] * len(others)
