"""What the settings make of groups of agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint

import pytest
from pydantic import ValidationError

from agents.coordination.sleeptime import Sleeptime
from gateway.bootstrap.groups import RULES, custom_rule, groups
from gateway.domain.teams import Untended, Watch
from gateway.errors import SettingsWrong
from gateway.settings import Settings

HOUR = timedelta(hours=1)
AGENTS = [{"name": "postern"}, {"name": "scribe"}]
NIGHT = {"name": "night", "strategy": "sleeptime", "members": ["scribe"], "watches": "postern"}


def settings_with(*tables: Mapping[str, object]) -> Settings:
    return Settings.model_validate({"agents": AGENTS, "groups": tables})


def test_a_sleeptime_group_watches_an_agent_and_is_heard_by_nobody() -> None:
    night = groups(settings_with({**NIGHT, "every": 3, "shown": True}))["night"]

    assert night.strategy == Sleeptime(("scribe",))
    assert night.watch == Watch("postern", 3)
    assert not night.limits.is_shown


def test_every_rule_for_when_it_works_can_be_set() -> None:
    rules = {"characters": 900, "after_seconds": 3600, "quiet_seconds": 600}

    watch = groups(settings_with({**NIGHT, **rules}))["night"].watch
    usual = groups(settings_with(NIGHT))["night"].watch

    hour, minutes = timedelta(hours=1), timedelta(minutes=10)
    assert watch == Watch("postern", None, 900, hour, minutes)
    assert usual == Watch("postern", 5)


NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
FRESH = Untended(turns=1, characters=10, since=NOW, newest=NOW)


@pytest.mark.parametrize(
    ("watch", "untended", "is_due"),
    [
        (Watch("postern", every=2), FRESH, False),
        (Watch("postern", every=2), replace(FRESH, turns=2), True),
        (Watch("postern", characters=11), FRESH, False),
        (Watch("postern", characters=11), replace(FRESH, characters=11), True),
        (Watch("postern", after=HOUR), replace(FRESH, since=NOW - HOUR / 2), False),
        (Watch("postern", after=HOUR), replace(FRESH, since=NOW - HOUR), True),
        (Watch("postern", quiet=HOUR), replace(FRESH, since=NOW - HOUR), False),
        (Watch("postern", quiet=HOUR), replace(FRESH, newest=NOW - HOUR), True),
        (Watch("postern", custom=lambda seen, _: seen.turns > 1), FRESH, False),
        (Watch("postern", custom=lambda seen, _: seen.turns > 0), FRESH, True),
    ],
)
def test_it_is_time_as_soon_as_a_rule_says_so(
    watch: Watch, untended: Untended, is_due: bool
) -> None:
    assert watch.is_due(untended, NOW) is is_due


def point(value: str) -> EntryPoint:
    return EntryPoint("busy", value, RULES)


def test_a_rule_of_another_package_is_loaded_by_its_name() -> None:
    assert custom_rule("busy", [point(f"{__name__}:is_busy")])(FRESH, NOW)


def test_a_rule_that_fails_says_that_it_is_not_time() -> None:
    assert not custom_rule("busy", [point(f"{__name__}:is_broken")])(FRESH, NOW)


@pytest.mark.parametrize("found", [[], [point("nowhere_at_all:rule")]])
def test_a_rule_that_is_not_there_is_told_to_the_operator(found: list[EntryPoint]) -> None:
    with pytest.raises(SettingsWrong, match='rule "busy"'):
        custom_rule("busy", found)


def is_busy(untended: Untended, now: datetime) -> bool:
    return untended.newest == now


def is_broken(untended: Untended, now: datetime) -> bool:
    raise ValueError(f"{untended} {now}")


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
        ({"quiet_seconds": 0}, "greater than"),
        (
            {"strategy": "voting", "watches": None, "quiet_seconds": 60},
            "works by itself only as a sleeptime group",
        ),
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
