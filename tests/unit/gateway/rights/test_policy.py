"""What lets an account in: each row is a rule of the operator's, and what it comes to."""

from __future__ import annotations

import pytest

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity
from gateway.domain.places import PlacePolicy, PlaceRules
from gateway.rights.policy import AccessMode, AccessPolicy, Way

ADA = Identity("slack", "T1", "UADA")
BOSS = Identity("slack", "T1", "UBOSS")
CHANNEL = Conversation("slack", "T1", "C1")
DIRECT = Conversation("slack", "T1", "D1")


def _policy(
    mode: AccessMode | None,
    place: PlacePolicy = PlacePolicy.MENTION,
    *,
    places: tuple[str, ...] = (),
    in_channels: bool = True,
) -> AccessPolicy:
    modes = {} if mode is None else {"slack": mode}
    rules = PlaceRules({"*": place})
    return AccessPolicy(modes, frozenset({BOSS.key}), frozenset(places), in_channels, rules)


PAIRING, OPEN, LISTED = AccessMode.PAIRING, AccessMode.OPEN, AccessMode.ALLOWLIST


@pytest.mark.parametrize(
    ("policy", "in_channel", "direct", "nowhere"),
    [
        (_policy(None), Way.LIST, Way.LIST, Way.LIST),
        (_policy(LISTED), Way.LIST, Way.LIST, Way.LIST),
        (_policy(PAIRING), Way.CODE, Way.CODE, Way.CODE),
        (_policy(PAIRING, in_channels=False), Way.LIST, Way.CODE, Way.CODE),
        (_policy(OPEN), Way.OPEN, Way.OPEN, Way.OPEN),
        (_policy(LISTED, places=("slack:T1",)), Way.PLACE, Way.LIST, Way.LIST),
        (_policy(LISTED, places=("slack:T1:C1",)), Way.PLACE, Way.LIST, Way.LIST),
        (_policy(LISTED, places=("slack:T1:C2", "slack:T2")), Way.LIST, Way.LIST, Way.LIST),
        (_policy(OPEN, PlacePolicy.ALLOWLIST), Way.LIST, Way.OPEN, Way.OPEN),
        (_policy(PAIRING, PlacePolicy.ALLOWLIST), Way.LIST, Way.CODE, Way.CODE),
        (
            _policy(LISTED, PlacePolicy.ALLOWLIST, places=("slack:T1",)),
            *(Way.LIST, Way.LIST, Way.LIST),
        ),
        (_policy(OPEN, PlacePolicy.OPEN), Way.OPEN, Way.OPEN, Way.OPEN),
        (_policy(PAIRING, PlacePolicy.OPEN), Way.CODE, Way.CODE, Way.CODE),
        (_policy(OPEN, PlacePolicy.DISABLED), Way.SHUT, Way.OPEN, Way.OPEN),
    ],
)
def test_what_lets_somebody_in(
    policy: AccessPolicy, in_channel: Way, direct: Way, nowhere: Way
) -> None:
    found = [policy.way(ADA, "slack", place) for place in (CHANNEL, DIRECT, None)]

    assert found == [in_channel, direct, nowhere]


@pytest.mark.parametrize("place", list(PlacePolicy))
def test_the_listed_may_talk_wherever_anybody_may(place: PlacePolicy) -> None:
    way = _policy(LISTED, place).way(BOSS, "slack", CHANNEL)

    assert way is (Way.SHUT if place is PlacePolicy.DISABLED else Way.LISTED)
