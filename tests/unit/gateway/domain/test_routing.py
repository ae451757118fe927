"""Which agent a message is for: the most specific rule decides, and of equals the first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.conversations import Conversation
from gateway.domain.ids import LaneId, PersonId
from gateway.domain.people import EVERYONE, Identity, Mode, Route, lane_owner, mode_of, place_id_of
from gateway.domain.routing import BindingRule, Routing

ADA = Identity("slack", "T1", "U1")
THREAD = Conversation("slack", "T1", "C1", "171.5")
CHANNEL = Conversation("slack", "T1", "C1")
ROUTES = {"postern": Route("postern"), "team": Route("team"), "scribe": Route("scribe")}
PERSON = PersonId("person-" + "a" * 32)

EVERYWHERE = BindingRule("team")
ON_SLACK = BindingRule("team", platform="slack")
IN_TEAM = BindingRule("team", platform="slack", workspace="T1")
IN_CHANNEL = BindingRule("team", Mode.CHANNEL, "slack", "T1", "C1")
IN_THREAD = BindingRule("team", Mode.THREAD, "slack", "T1", "C1", "171.5")
OF_ADA = BindingRule("team", people=frozenset({ADA.key}))
BY_WEIGHT = [EVERYWHERE, OF_ADA, ON_SLACK, IN_TEAM, IN_CHANNEL, IN_THREAD]


def test_an_agent_with_a_list_of_people_is_open_to_them_alone() -> None:
    routing = Routing(ROUTES, access={"team": frozenset({ADA.key}), "scribe": frozenset()})

    assert routing.open_to(ADA) == ["postern", "team", "scribe"]
    assert routing.open_to(replace(ADA, user="U2")) == ["postern", "scribe"]
    assert routing.open_to(None) == ["postern", "scribe"]


def test_a_circle_decides_for_those_in_it_and_the_account_itself_before_it() -> None:
    staff = "slack:T1:@S1"
    rules = [BindingRule("team", people=frozenset({staff})), ON_SLACK]
    of_ada = BindingRule("scribe", people=frozenset({ADA.key}))
    routing = Routing(ROUTES, rules[:1])

    assert routing.decide(CHANNEL, ADA, circles={staff}).route.role == "team"
    assert routing.decide(CHANNEL, ADA, circles={"slack:T1:@S2"}).route.role == "postern"
    assert routing.decide(CHANNEL, ADA).route.role == "postern"
    both = Routing(ROUTES, [*rules[:1], of_ada])
    assert both.decide(CHANNEL, ADA, circles={staff}).route.role == "scribe"
    assert routing.circle_platforms == {"slack"}


def test_an_agent_for_a_circle_is_open_to_those_in_it_alone() -> None:
    routing = Routing(ROUTES, access={"team": frozenset({"slack:T1:@S1"})})

    assert "team" in routing.open_to(ADA, {"slack:T1:@S1"})
    assert "team" not in routing.open_to(ADA)
    assert not routing.decide(CHANNEL, ADA, "team").is_allowed


def test_without_rules_the_first_agent_answers_each_person() -> None:
    decision = Routing(ROUTES).decide(CHANNEL, ADA)

    assert (decision.route, decision.rule) == (ROUTES["postern"], None)


@given(order=st.permutations(BY_WEIGHT))
def test_the_most_specific_rule_decides_whatever_the_order(order: list[BindingRule]) -> None:
    decision = Routing(ROUTES, order).decide(THREAD, ADA)

    ranked = [order[number] for number in decision.matching]
    assert ranked == BY_WEIGHT[::-1]
    assert decision.rule == order.index(IN_THREAD)


def test_of_equal_rules_the_first_decides() -> None:
    rules = [BindingRule("scribe", platform="slack"), ON_SLACK]

    assert Routing(ROUTES, rules).decide(CHANNEL, ADA).route.role == "scribe"


@pytest.mark.parametrize(
    ("rule", "place", "who"),
    [
        (IN_THREAD, CHANNEL, ADA),
        (IN_CHANNEL, Conversation("slack", "T2", "C1"), ADA),
        (ON_SLACK, Conversation("discord", "T1", "C1"), ADA),
        (OF_ADA, CHANNEL, Identity("slack", "T1", "U2")),
        (OF_ADA, CHANNEL, Identity("slack", "T2", "U1")),
    ],
)
def test_a_rule_is_silent_about_other_places_and_people(
    rule: BindingRule, place: Conversation, who: Identity
) -> None:
    assert Routing(ROUTES, [rule]).decide(place, who).rule is None


def test_an_address_wins_over_rules_for_other_agents_but_keeps_its_own() -> None:
    routing = Routing(ROUTES, [IN_CHANNEL, BindingRule("scribe", Mode.SHARED, "slack")])

    assert routing.decide(CHANNEL, ADA, "scribe").route.mode is Mode.SHARED
    assert routing.decide(CHANNEL, ADA, "postern").rule is None
    with pytest.raises(KeyError):
        routing.decide(CHANNEL, ADA, "nobody")


def test_an_agent_with_a_list_is_only_for_those_on_it() -> None:
    routing = Routing(ROUTES, access={"postern": frozenset({ADA.key})})

    assert routing.decide(CHANNEL, ADA).is_allowed
    assert not routing.decide(CHANNEL, Identity("slack", "T1", "U2")).is_allowed
    assert routing.decide(CHANNEL, Identity("slack", "T1", "U2"), "team").is_allowed


@pytest.mark.parametrize(
    ("mode", "lane", "owner"),
    [
        (Mode.PERSON, f"{PERSON}/team", PERSON),
        (Mode.SHARED, "slack:T1:C1:171.5/team", EVERYONE),
        (Mode.CHANNEL, "channel/slack:T1:C1:171.5/team", place_id_of(CHANNEL)),
        (Mode.THREAD, "thread/slack:T1:C1:171.5/team", place_id_of(THREAD)),
    ],
)
def test_a_lane_tells_whose_agent_it_is_for(mode: Mode, lane: str, owner: PersonId) -> None:
    made = Route("team", mode).lane(PERSON, THREAD)

    assert made == LaneId(lane)
    assert mode_of(made) is mode
    assert lane_owner(made, PERSON, THREAD) == owner


def test_a_place_that_is_called_like_a_mode_is_no_mode() -> None:
    place = Conversation("console", "local", "channel/thread")

    assert mode_of(Route("team", Mode.SHARED).lane(PERSON, place)) is Mode.SHARED
