"""What the id of a conversation tells of the place."""

import pytest

from gateway.domain.conversations import Conversation


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
