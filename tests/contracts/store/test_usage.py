"""What ended turns have used, by day of UTC."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.ids import PersonId
from gateway.domain.turns import Turn, TurnOutcome, TurnState
from gateway.domain.usage import Charge, Spent
from gateway.errors import Fenced
from gateway.ports import Store
from tests.contracts.store.words import NOW, at, start_turn

ADA = PersonId("ada")
BOB = PersonId("bob")
TODAY = NOW.date()


async def _end(
    store: Store, event: str, charge: Charge | None, *, state: TurnState = TurnState.DONE
) -> Turn:
    turn = await start_turn(store, event)
    await store.turns.finish(turn.ref, TurnOutcome(state, (), charge=charge), at(0))
    return turn


async def test_before_the_first_turn_nothing_is_spent(store: Store) -> None:
    assert await store.usage.of_person(ADA, TODAY) == Spent()
    assert await store.usage.of_agent("coach", TODAY) == Spent()
    assert await store.usage.of_schedule("daily", TODAY) == Spent()


async def test_what_turns_used_is_summed_up_by_person_agent_and_schedule(store: Store) -> None:
    await _end(store, "e1", Charge(ADA, "coach", 100))
    await _end(store, "e2", Charge(ADA, "coach", 20), state=TurnState.FAILED)
    await _end(store, "e3", Charge(ADA, "cook", 3, "daily"))
    await _end(store, "e4", Charge(BOB, "coach", 4000))

    assert await store.usage.of_person(ADA, TODAY) == Spent(3, 123)
    assert await store.usage.of_person(BOB, TODAY) == Spent(1, 4000)
    assert await store.usage.of_agent("coach", TODAY) == Spent(3, 4120)
    assert await store.usage.of_schedule("daily", TODAY) == Spent(1, 3)


async def test_what_costs_nothing_is_not_put_down(store: Store) -> None:
    await _end(store, "e1", None)

    assert await store.usage.of_agent("postern", TODAY) == Spent()


async def test_every_day_begins_with_nothing_spent(store: Store) -> None:
    await _end(store, "e1", Charge(ADA, "coach", 100))

    assert await store.usage.of_person(ADA, TODAY + timedelta(days=1)) == Spent()


async def test_a_turn_that_was_fenced_off_is_not_put_down(store: Store) -> None:
    turn = await _end(store, "e1", Charge(ADA, "coach", 100))

    charge = Charge(ADA, "coach", 100)
    with pytest.raises(Fenced):
        await store.turns.finish(turn.ref, TurnOutcome(TurnState.DONE, (), charge=charge), at(1))

    assert await store.usage.of_person(ADA, TODAY) == Spent(1, 100)


async def test_what_no_schedule_woke_belongs_to_none(store: Store) -> None:
    await _end(store, "e1", Charge(ADA, "coach", 100))

    assert await store.usage.of_schedule("", TODAY) == Spent()
