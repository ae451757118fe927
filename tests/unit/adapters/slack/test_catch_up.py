"""Where a start looks for what was missed, and what it makes of what it finds."""

from __future__ import annotations

import pytest

from adapters.slack.catch_up import MOST_CONVERSATIONS, Gap, event_of, gaps_of, missed, read_note
from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity

DM = Conversation("slack", "T1", "D1")
ADA = Identity("slack", "E1", "U1")


def test_the_liveliest_conversation_is_looked_through_first() -> None:
    other = Conversation("slack", "T1", "D2")

    gaps = gaps_of([(DM, "D1:99.5"), (other, "D2:100.000100")], oldest="10.0")

    assert gaps == [Gap(other, "100.000100"), Gap(DM, "99.5")]


def test_no_gap_is_longer_than_what_is_news() -> None:
    assert gaps_of([(DM, "D1:9.5")], oldest="10.0") == [Gap(DM, "10.0")]


def test_of_threads_only_those_of_late_are_looked_through() -> None:
    old, late = (Conversation("slack", "T1", "D1", thread) for thread in ("1.0", "2.0"))

    assert gaps_of([(old, "D1:9.5"), (late, "D1:10.5")], oldest="10.0") == [Gap(late, "10.5")]


def test_what_was_heard_after_an_outage_hides_nothing_of_it() -> None:
    assert gaps_of([(DM, "D1:99.5")], oldest="10.0", since="50.0") == [Gap(DM, "50.0")]


def test_what_an_earlier_process_left_is_left_still() -> None:
    gaps = gaps_of([(DM, "D1:99.5")], oldest="10.0", since="50.0", left={DM: "20.0"})

    assert gaps == [Gap(DM, "20.0")]


def test_what_was_noted_is_read_again() -> None:
    note = '{"until": "50.0", "left": {"slack:T1:D1": "20.0"}}'

    assert read_note(note) == ("50.0", {DM: "20.0"})


@pytest.mark.parametrize(
    "text", [None, "", "7", '{"left": {}}', '{"until": "5", "left": {"D1": "2"}}'], ids=repr
)
def test_of_a_note_that_is_none_nothing_is_made(text: str | None) -> None:
    assert read_note(text) is None


def test_no_channel_is_looked_through() -> None:
    channels = [Conversation("slack", "T1", name) for name in ("C1", "G1")]

    assert gaps_of([(place, "C1:99.5") for place in channels], oldest="10.0") == []


def test_of_too_many_those_are_looked_through_in_which_people_wrote_last() -> None:
    many = [(Conversation("slack", "T1", f"D{n}"), f"D{n}:{n}.0") for n in range(1, 1_102)]

    gaps = gaps_of(many, oldest="0.0")

    assert [gap.after for gap in (gaps[0], gaps[-1])] == ["1101.0", "102.0"]
    assert len(gaps) == MOST_CONVERSATIONS


def test_what_was_known_is_left_out_and_the_rest_put_in_order() -> None:
    found = [{"ts": ts} for ts in ("12.000003", "12.000002", "12.000001", "3.0")]

    assert [one["ts"] for one in missed(found, "12.000001")] == ["12.000002", "12.000003"]


@pytest.mark.parametrize("ts", [None, 7, "soon", ""], ids=repr)
def test_what_has_no_time_comes_last_for_the_parser_to_judge(ts: object) -> None:
    odd = {"ts": ts}

    assert missed([odd, {"ts": "12.0"}], "11.0") == [{"ts": "12.0"}, odd]


def test_an_event_is_of_the_person_and_the_place_that_are_known() -> None:
    said = {"ts": "5.0", "user": "U1", "text": "hello", "user_team": "T1"}

    event = event_of(said, DM, ADA)

    assert event == {
        "type": "event_callback",
        "team_id": "T1",
        "event": {
            **said,
            "type": "message",
            "channel": "D1",
            "channel_type": "im",
            "user_team": "E1",
        },
    }


@pytest.mark.parametrize(("thread", "is_kept"), [("5.0", False), ("4.0", True)])
def test_the_first_message_of_a_thread_was_sent_outside_of_it(thread: str, is_kept: bool) -> None:
    event = event_of({"ts": "5.0", "user": "U1", "thread_ts": thread}, DM, ADA)["event"]

    assert ("thread_ts" in event) is is_kept
