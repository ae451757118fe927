from datetime import timedelta

import pytest

from agents.embedded.models.reminders import Reminder, find_reminder, reminder_arguments
from agents.embedded.records import Json
from tests.unit.agents.embedded.contexts import NOON


@pytest.mark.parametrize(
    ("text", "what", "delay"),
    [
        ("remind me to call Bob in 5 minutes", "call Bob", timedelta(minutes=5)),
        ("Please remind me in 2 hours to stretch.", "stretch", timedelta(hours=2)),
        ("remind me at 18:30 about dinner", "dinner", timedelta(hours=6, minutes=30)),
        ("remind me at 9:00 to run", "run", timedelta(hours=21)),
    ],
)
def test_a_moment_is_understood(text: str, what: str, delay: timedelta) -> None:
    assert find_reminder(text, NOON) == Reminder(what, NOON + delay)


def test_a_rhythm_is_understood() -> None:
    reminder = find_reminder("remind me every 30 minutes to stand up", NOON)

    assert reminder == Reminder("stand up", NOON + timedelta(minutes=30), 1800)


@pytest.mark.parametrize("text", ["hello", "remind me of Bob", "remind me at 25:00 to sleep"])
def test_anything_else_is_no_reminder(text: str) -> None:
    assert find_reminder(text, NOON) is None


def test_a_tool_that_needs_more_than_we_know_is_left_alone() -> None:
    schema: Json = {"properties": {"prompt": {}, "at": {}, "room": {}}, "required": ["room"]}

    assert reminder_arguments("set_reminder", schema, Reminder("x", NOON)) is None


def test_a_rhythm_goes_to_the_tools_own_argument() -> None:
    schema: Json = {"properties": {"prompt": {}, "every": {}}}

    arguments = reminder_arguments("schedule_add", schema, Reminder("x", NOON, 7200))

    assert arguments == {"prompt": "Remind me: x", "every": "2h"}
