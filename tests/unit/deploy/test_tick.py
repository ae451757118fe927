"""What is kept for a time only goes on its own, in commits of a bounded size."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from deploy.tick import Sweeper
from gateway.bootstrap import make_ticker
from gateway.domain.turns import TurnOutcome, TurnState
from gateway.settings import Settings
from gateway.telemetry import Metrics
from storage.memory.store import MemoryStore
from tests.contracts.store.words import at, say, start_turn


class LaterClock:
    """A clock that stands, two days after the words of the contract tests."""

    def now(self) -> datetime:
        """Return the same moment always."""
        return at(2 * 86_400)


@pytest.mark.parametrize(("days", "left"), [(1, 1), (None, 5)])
async def test_the_audit_log_is_kept_for_as_long_as_was_set(days: int | None, left: int) -> None:
    store, clock = MemoryStore(), LaterClock()
    turn = await start_turn(store, "e1")
    await store.turns.finish(turn.ref, TurnOutcome(TurnState.DONE), at(0))
    await say(store, "e2", now=timedelta(days=1, hours=1).total_seconds())
    settings = Settings.model_validate({"retention": {"audit_days": days}})
    ticker = make_ticker(settings, store, clock, Metrics())

    swept = await Sweeper(settings, store, ticker, clock).sweep(is_listening=True)

    assert len(await store.history.audit(0, 100)) == left
    assert swept.dropped == 5 - left
