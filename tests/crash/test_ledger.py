"""The ledger of the crowd sees what must not be."""

from __future__ import annotations

from tests.crash.ledger import Ledger


def test_a_turn_that_begins_beside_another_is_an_overlap() -> None:
    ledger = Ledger()

    ledger.begins("w1", "a", "t1", [0], at=0)
    ledger.begins("w2", "a", "t2", [1], at=0)

    assert ledger.overlaps == 1


def test_a_dead_workers_turn_is_handed_over_and_resumed() -> None:
    ledger = Ledger()
    ledger.begins("w1", "a", "t1", [0], at=0)

    ledger.dies("w1", at=10)
    ledger.begins("w2", "a", "t1", [0], at=13)

    assert (ledger.overlaps, ledger.doubled, ledger.resumed) == (0, 0, 1)
    assert ledger.hand_overs == [3]


def test_a_turn_that_comes_back_with_other_messages_is_a_double() -> None:
    ledger = Ledger()
    ledger.begins("w1", "a", "t1", [0], at=0)
    ledger.dies("w1", at=1)

    ledger.begins("w2", "a", "t1", [0, 1], at=2)

    assert ledger.doubled == 1


def test_a_message_heard_early_or_again_is_out_of_order() -> None:
    ledger = Ledger()
    ledger.begins("w1", "a", "t1", [0], at=0)
    ledger.ends("w1", "a")

    ledger.begins("w1", "a", "t2", [2], at=0)
    ledger.begins("w1", "a", "t3", [1], at=0)

    assert ledger.disordered == 2


def test_answers_shown_twice_or_late_are_counted() -> None:
    ledger = Ledger()

    ledger.shows("d1", "a", "0 2")
    ledger.shows("d1", "a", "0 2")
    ledger.shows("d2", "a", "1")

    assert (ledger.doubled, ledger.disordered) == (1, 1)
    assert ledger.answered["a"] == {0, 1, 2}
