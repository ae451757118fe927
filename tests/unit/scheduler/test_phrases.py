"""What people may say for a time, and what is made of it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import BadInput
from scheduler.phrases import parse_interval, parse_phrase
from scheduler.triggers import Cron, Every, Once

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""A Monday; ten o'clock in Vienna."""
VIENNA = "Europe/Vienna"
PAGE = Path(__file__).parents[3] / "docs" / "schedules.md"


@pytest.mark.parametrize(
    ("phrase", "moment"),
    [
        ("in 20 minutes", "2026-01-05 09:20"),
        ("in an hour", "2026-01-05 10:00"),
        ("In 2h30m.", "2026-01-05 11:30"),
        ("in 1 hour and 15 minutes", "2026-01-05 10:15"),
        ("in half an hour", "2026-01-05 09:30"),
        ("tomorrow at 9", "2026-01-06 08:00"),
        ("at 9 tomorrow", "2026-01-06 08:00"),
        ("today at 6pm", "2026-01-05 17:00"),
        ("tonight at 8", "2026-01-05 19:00"),
        ("18:00", "2026-01-05 17:00"),
        ("at 9am", "2026-01-06 08:00"),
        ("at noon", "2026-01-05 11:00"),
        ("at 12am", "2026-01-05 23:00"),
        ("monday at 9:30", "2026-01-12 08:30"),
        ("monday at 11", "2026-01-05 10:00"),
        ("next monday at 11", "2026-01-12 10:00"),
        ("on friday 17:00", "2026-01-09 16:00"),
        ("2026-12-24 18:00", "2026-12-24 17:00"),
        ("2026-12-24T18:00+01:00", "2026-12-24 17:00"),
        ("2026-12-24T18:00:00Z", "2026-12-24 18:00"),
        ("24 december at 6pm", "2026-12-24 17:00"),
        ("Jan 2 at 9:00", "2027-01-02 08:00"),
        ("2026-03-29 02:30", "2026-03-29 01:00"),
        ("2026-10-25 02:30", "2026-10-25 00:30"),
    ],
)
def test_a_moment_is_that_of_the_clock_on_the_wall(phrase: str, moment: str) -> None:
    found = parse_phrase(phrase, NOW, VIENNA)

    assert isinstance(found, Once)
    assert f"{found.at:%Y-%m-%d %H:%M}" == moment


@pytest.mark.parametrize(
    ("phrase", "expression"),
    [
        ("every day at 18:00", "0 18 * * *"),
        ("daily at noon", "0 12 * * *"),
        ("every weekday 8:30", "30 8 * * 1-5"),
        ("at 9am every weekday", "0 9 * * 1-5"),
        ("weekends at 10", "0 10 * * 6,0"),
        ("every monday 9am", "0 9 * * 1"),
        ("every mon, wed and fri at 9", "0 9 * * 1,3,5"),
        ("sundays at 9", "0 9 * * 0"),
        ("every month on the 15th at 9", "0 9 15 * *"),
        ("the 1st of every month at 9:00", "0 9 1 * *"),
        ("hourly", "0 * * * *"),
    ],
)
def test_what_comes_again_is_a_cron_line(phrase: str, expression: str) -> None:
    assert parse_phrase(phrase, NOW, VIENNA) == Cron(expression, VIENNA)


def test_an_interval_begins_now() -> None:
    assert parse_phrase("every 15 minutes", NOW, VIENNA) == Every(900, NOW)
    assert parse_interval("1h30m", NOW) == Every(5400, NOW)


@pytest.mark.parametrize(
    ("phrase", "sentence"),
    [
        ("whenever", "Some that I know"),
        ("tomorrow", 'Did you mean "tomorrow at 9:00"?'),
        ("every monday", 'Did you mean "every monday at 9:00"?'),
        ("today at 9", "is over"),
        ("in 0 minutes", "is over"),
        ("tomorrow at 25:00", "no time of day"),
        ("tomorrow at 13pm", "no time of day"),
        ("30 february at 9", "has no day 30"),
        ("2026-13-01 10:00", "no moment that exists"),
        ("every month on the 32nd at 9", "No month has a day 32"),
    ],
)
def test_what_is_not_understood_is_answered_with_what_is(phrase: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=re.escape(sentence)):
        parse_phrase(phrase, NOW, VIENNA)


def test_an_interval_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="15m"):
        parse_interval("often", NOW)


def _examples() -> list[str]:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    told = [row.split("|")[2] for row in rows if "`--" not in row]
    return [phrase for cell in told for phrase in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("phrase", _examples())
def test_every_phrase_of_the_page_is_understood(phrase: str) -> None:
    early = datetime(2026, 1, 5, 5, 0, tzinfo=UTC)

    assert parse_phrase(phrase, early, VIENNA)


def test_the_page_shows_phrases() -> None:
    assert len(_examples()) > 20
