"""Usergroups of Slack: asked for by the real protocol, remembered, and believed only when told."""

from __future__ import annotations

import pytest

from gateway.domain.circles import Circle
from gateway.domain.people import Identity
from gateway.errors import DeliveryRefused, RetryLater
from gateway.rights.policy import AccessMode
from tests.platforms.slack_hub import SlackHub, Ways, slack_hub
from tests.platforms.slack_server.settings import BOT_SCOPES, SlackSettings

TEAM = "T00000001"
STAFF = f"slack:{TEAM}:@S1"
WAYS = Ways(access=AccessMode.ALLOWLIST, allowed=frozenset({STAFF}))
MAY_READ = SlackSettings(scopes=BOT_SCOPES | {"usergroups:read"})
METHOD = "usergroups.users.list"


def asked(hub: SlackHub) -> int:
    return len(hub.slack.calls(METHOD))


async def test_a_usergroup_lets_its_members_in_and_is_asked_for_once() -> None:
    async with slack_hub(MAY_READ, WAYS) as hub:
        ada, bob = hub.slack.person("ada"), hub.slack.person("bob")
        hub.slack.workspace().usergroups["S1"] = {ada.id}
        bob.dm("hello")
        ada.dm("hello")
        await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])
        await hub.is_quiet()

        assert bob.sees() == ["hello"]
        assert asked(hub) == 1


@pytest.mark.parametrize(
    ("settings", "groups"), [(SlackSettings(), {"S1"}), (MAY_READ, set[str]())]
)
async def test_without_the_scope_or_the_usergroup_nobody_is_let_in(
    settings: SlackSettings, groups: set[str]
) -> None:
    async with slack_hub(settings, WAYS) as hub:
        ada = hub.slack.person("ada")
        hub.slack.workspace().usergroups |= {name: {ada.id} for name in groups}
        ada.dm("hello")
        await hub.slack.until(lambda: len(ada.sees()) == 2)

        assert ada.sees()[1].startswith("I could not find out whether this is for you")
        assert hub.agents.heard == []


async def test_what_slack_did_not_tell_is_not_asked_for_again_at_once() -> None:
    async with slack_hub(SlackSettings(), WAYS) as hub:
        people = [hub.slack.person(name) for name in ("ada", "bob", "eve")]
        circle = Circle.parse(STAFF)

        for person in people:
            with pytest.raises((DeliveryRefused, RetryLater), match="missing_scope"):
                await hub.usergroups.circles_of(Identity("slack", TEAM, person.id), [circle])

        assert asked(hub) == 1


async def test_an_account_of_another_workspace_is_in_no_usergroup_of_this_one() -> None:
    async with slack_hub(MAY_READ, WAYS) as hub:
        ada = hub.slack.person("ada")
        hub.slack.workspace().usergroups["S1"] = {ada.id}
        circle, unknown = Circle.parse(STAFF), Circle("slack", TEAM, "S9")
        account = Identity("slack", TEAM, ada.id)

        at_home = await hub.usergroups.circles_of(account, [circle])
        a_guest = await hub.usergroups.circles_of(Identity("slack", "T9", ada.id), [circle])
        with pytest.raises(DeliveryRefused, match="no_such_subteam"):
            await hub.usergroups.circles_of(account, [unknown])

        assert (list(at_home), list(a_guest)) == ([STAFF], [])
