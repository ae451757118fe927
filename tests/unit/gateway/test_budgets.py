import pytest

from gateway.budgets import Limits, passed_mark, used_up
from gateway.domain.usage import Spent

BOTH = Limits(turns=10, tokens=1_000)


@pytest.mark.parametrize(
    ("spent", "limits", "words"),
    [
        (Spent(9, 999), BOTH, None),
        (Spent(10, 0), BOTH, "10 of 10 turns"),
        (Spent(0, 1_234), BOTH, "1,234 of 1,000 tokens"),
        (Spent(10**6, 10**9), Limits(), None),
        (Spent(10**6, 5), Limits(tokens=6), None),
    ],
)
def test_a_budget_is_used_up_when_one_limit_is_reached(
    spent: Spent, limits: Limits, words: str | None
) -> None:
    assert used_up(spent, limits) == words


@pytest.mark.parametrize(
    ("before", "after", "mark"),
    [
        (Spent(7), Spent(8), 80),
        (Spent(8), Spent(9), None),
        (Spent(8), Spent(10), 95),
        (Spent(0, 100), Spent(1, 990), 95),
        (Spent(9, 990), Spent(10, 1_990), None),
        (Spent(), Spent(), None),
    ],
)
def test_each_mark_is_passed_once(before: Spent, after: Spent, mark: int | None) -> None:
    assert passed_mark(before, after, BOTH) == mark


def test_without_limits_no_mark_is_passed() -> None:
    assert passed_mark(Spent(), Spent(10**6, 10**9), Limits()) is None
