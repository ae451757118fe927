"""How often it is noted that a platform sends what nobody can read."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.oddities import MOST_A_DAY, Oddities

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def oddities() -> Oddities:
    return Oddities("slack", "events")


def test_a_kind_is_noted_once_a_day_for_each_workspace(oddities: Oddities) -> None:
    tomorrow = NOON + timedelta(days=1)
    met = [("T1", "dance", NOON), ("T1", "dance", NOON), ("T2", "dance", NOON)]
    met += [("T1", "sing", NOON), ("T1", "dance", tomorrow), ("T1", "dance", tomorrow)]

    noted = [oddities.noted(*one) for one in met]

    assert [one and one.message.idempotency_key for one in noted] == [
        "slack:T1:not_understood:dance:2026-05-04",
        None,
        "slack:T2:not_understood:dance:2026-05-04",
        "slack:T1:not_understood:sing:2026-05-04",
        "slack:T1:not_understood:dance:2026-05-05",
        None,
    ]


def test_two_processes_note_the_same_line(oddities: Oddities) -> None:
    other = Oddities("slack", "events")

    assert oddities.noted("T1", "dance", NOON) == other.noted("T1", "dance", NOON)


def test_kinds_that_are_made_up_share_a_line_in_the_end(oddities: Oddities) -> None:
    noted = [oddities.noted("T1", f"kind{number}", NOON) for number in range(10_000)]

    lines = [one.message.idempotency_key for one in noted if one is not None]
    assert len(lines) == MOST_A_DAY + 1
    assert lines[-1] == "slack:door:not_understood:others:2026-05-04"


@pytest.mark.parametrize(
    ("workspace", "kind", "subject", "name"),
    [
        ("T1", "a:b c\n\u202e<x>", "slack:T1:events", "a_b_c_x_"),
        ("T1", "x" * 1_000_000, "slack:T1:events", "x" * 40),
        (None, None, "slack:door:events", "nameless"),
        ({"a": 1}, ["b"], "slack:door:events", "nameless"),
        ("", "", "slack:door:events", "nameless"),
        ("T:1 \x00", "é", "slack:T_1_:events", "_"),
    ],
)
def test_names_can_not_forge_an_id(
    workspace: object, kind: object, subject: str, name: str, oddities: Oddities
) -> None:
    refusal = oddities.noted(workspace, kind, NOON)

    assert refusal is not None
    assert refusal.message.conversation.id == subject
    assert refusal.message.event_id == f"not_understood:{name}:2026-05-04"
