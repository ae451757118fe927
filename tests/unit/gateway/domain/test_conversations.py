"""What the id of a conversation tells of the place."""

import re

import pytest

from gateway.domain.conversations import Conversation, check_ids


@pytest.mark.parametrize(
    ("readable", "is_direct"),
    [
        ("discord:dm:99", True),
        ("discord:8877:99", False),
        ("discord:8877:99:100", False),
        ("slack:T1:D2", True),
        ("slack:T1:D2:171.5", True),
        ("slack:T1:C2:171.5", False),
        ("slack:T1:G2", False),
        ("web:postern:ada", True),
        ("console:local:ada", True),
        ("elsewhere:dm:99", False),
    ],
)
def test_only_a_place_of_one_person_is_direct(readable: str, *, is_direct: bool) -> None:
    assert Conversation.parse(readable).is_direct is is_direct


@pytest.mark.parametrize(
    "readable",
    [
        "discord:dm:99",
        "discord:1:2",
        "discord:1:2:3",
        "slack:T1:C2",
        "slack:E1:D2:171.5",
        "web:a:b",
    ],
)
def test_a_place_that_its_platform_can_have_is_taken(readable: str) -> None:
    check_ids(Conversation.parse(readable))


@pytest.mark.parametrize(
    ("readable", "sentence"),
    [
        ("discord:general:2", "is no place on Discord. It reads discord:SERVER:CHANNEL"),
        ("discord:1:2:171.5", "is no place on Discord"),
        ("slack:T1:general", "is no place on Slack. It reads slack:T…:C…"),
        ("slack:T1:C2:yesterday", "is no place on Slack"),
        ("slack:1:C2", "is no place on Slack"),
    ],
)
def test_a_place_that_its_platform_can_not_have_is_told(readable: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        check_ids(Conversation.parse(readable))
