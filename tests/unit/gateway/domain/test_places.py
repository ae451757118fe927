"""Which policy holds in a place: the most specific one, and none in direct messages."""

from __future__ import annotations

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.places import PlacePolicy, PlaceRules

RULES = PlaceRules(
    {
        "*": PlacePolicy.DISABLED,
        "slack": PlacePolicy.MENTION,
        "slack:T1": PlacePolicy.LISTEN,
        "slack:T1:C1": PlacePolicy.ALLOWLIST,
        "slack:T1:C1:17.5": PlacePolicy.OPEN,
    }
)


@pytest.mark.parametrize(
    ("place", "decided_by", "policy"),
    [
        ("slack:T1:C1:17.5", "slack:T1:C1:17.5", "open"),
        ("slack:T1:C1:17.6", "slack:T1:C1", "allowlist"),
        ("slack:T1:C1", "slack:T1:C1", "allowlist"),
        ("slack:T1:C12", "slack:T1", "listen"),
        ("slack:T12:C1", "slack", "mention"),
        ("discord:7:1:2", "*", "disabled"),
        ("slack:T1:D1", None, "mention"),
        ("discord:dm:1", None, "mention"),
        ("web:local:ada", None, "mention"),
    ],
)
def test_the_most_specific_place_decides(place: str, decided_by: str | None, policy: str) -> None:
    where = Conversation.parse(place)

    assert (RULES.deciding(where), RULES.of(where)) == (decided_by, policy)
    assert RULES.is_open(where) == (policy == "open")


def test_without_rules_mentions_are_heard() -> None:
    assert PlaceRules().of(Conversation("discord", "7", "1")) is PlacePolicy.MENTION
