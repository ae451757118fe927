from __future__ import annotations

from tests.unit.gateway.cli.terminal import Terminal
from tests.unit.gateway.cli.test_dead_letters import give_up


def test_a_thing_is_explained_line_by_line_with_what_is_open(postern: Terminal) -> None:
    give_up()

    seen = postern.types("explain", "7")
    lines = seen.out.splitlines()

    assert seen.code == 0
    assert [line.split()[2] for line in lines[1:4]] == [
        "message.accepted",
        "turn.claimed",
        "turn.ended",
    ]
    assert lines[1].startswith("2026-01-05 09:00:00.000")
    assert "fence 1, attempt 1, worker here" in lines[2]
    assert "state failed, deliveries none, reason RunFailed: no money left" in lines[3]
    assert lines[-1].endswith("was given up: RunFailed: no money left")
    assert "two" not in seen.out


def test_the_same_as_json(postern: Terminal) -> None:
    give_up()

    seen = postern.types("explain", "post", "--json").json

    assert (seen["id"], seen["cut"]) == ("post", False)
    assert [each["kind"] for each in seen["entries"]] == [
        "delivery.stored",
        "delivery.claimed",
        "delivery.settled",
    ]
    assert seen["open"] == ["post was given up: DeliveryRefused: thrown out"]


def test_what_is_over_says_so(postern: Terminal) -> None:
    give_up()
    postern.types("dead-letters", "drop", "--all")

    assert postern.types("explain", "post").out.endswith("\nNothing of it is open.\n")


def test_an_unknown_id_is_a_failure(postern: Terminal) -> None:
    seen = postern.types("explain", "turn-99")

    assert (seen.code, seen.out) == (1, "")
    assert 'The audit log knows nothing of "turn-99".' in seen.err
