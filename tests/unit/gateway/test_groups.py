"""What the settings make of groups of agents."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from agents.coordination.sleeptime import Sleeptime
from gateway.bootstrap.groups import groups
from gateway.domain.teams import Watch
from gateway.settings import Settings

AGENTS = [{"name": "postern"}, {"name": "scribe"}]
NIGHT = {"name": "night", "strategy": "sleeptime", "members": ["scribe"], "watches": "postern"}


def settings_with(*tables: Mapping[str, object]) -> Settings:
    return Settings.model_validate({"agents": AGENTS, "groups": tables})


def test_a_sleeptime_group_watches_an_agent_and_is_heard_by_nobody() -> None:
    night = groups(settings_with({**NIGHT, "every": 3, "shown": True}))["night"]

    assert night.strategy == Sleeptime(("scribe",))
    assert night.watch == Watch("postern", 3)
    assert not night.limits.is_shown


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"watches": None}, '"watches" of the group "night" belongs to sleeptime'),
        ({"strategy": "voting"}, '"watches" of the group "night" belongs to sleeptime'),
        ({"watches": "scribe"}, 'The group "night" can not watch one of its members'),
        ({"watches": "owl"}, 'The group "night" names "owl", which is no agent'),
        ({"members": ["scribe", "scribe"]}, 'The group "night" names a member twice'),
        ({"name": "postern"}, 'A group can not be called "postern": the name is taken'),
        ({"every": 0}, "greater than or equal to 1"),
    ],
)
def test_what_can_not_be_meant_is_refused_with_a_sentence(
    changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        settings_with({**NIGHT, **changed})


def test_two_groups_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="night"):
        settings_with(NIGHT, NIGHT)
