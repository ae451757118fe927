"""Workspaces that install the app by OAuth: their tokens, the renewal of these, their leaving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from adapters.slack.grants import Grant, Seal
from agents.scripted import Say, Until
from gateway.domain.audit import AuditKind
from gateway.domain.deliveries import DeliveryState
from gateway.domain.ids import WorkerId
from gateway.domain.installations import Installation
from gateway.domain.people import Identity
from storage.memory import MemoryStore
from tests.fakes.crashing import around
from tests.platforms.slack_hub import Outage, SlackHub, Ways, dead_hub, slack_hub
from tests.platforms.slack_server import Person

BY_OAUTH = Ways(is_oauth=True)
ONE_HOUR = 3600
"""Tokens that last so long are renewed at once: less than two hours are left."""


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub(ways=BY_OAUTH) as hub:
        hub.slack.add_workspace("globex")
        yield hub


@pytest.fixture
def ada(hub: SlackHub) -> Person:
    return hub.slack.person("ada")


@pytest.fixture
def eve(hub: SlackHub) -> Person:
    return hub.slack.person("eve", "globex")


def rotates(hub: SlackHub, seconds: float = ONE_HOUR) -> None:
    hub.slack.settings.token_rotation = True
    hub.slack.settings.token_seconds = seconds


def renewals(hub: SlackHub) -> list[str]:
    """What became of each wish to renew a token."""
    calls = hub.slack.calls("oauth.v2.access")
    return [call.outcome for call in calls if call.args.get("grant_type") == "refresh_token"]


async def kinds(hub: SlackHub) -> list[AuditKind]:
    entries = await hub.hub.store.history.audit(0, 1_000)
    return [entry.kind for entry in entries]


async def keeps(hub: SlackHub, sealed: bytes, person: Person) -> None:
    now = hub.hub.clock.now()
    installation = Installation("slack", person.workspace.id, sealed, now)
    await hub.hub.store.installations.put(installation, now)


def errors(log: pytest.LogCaptureFixture) -> str:
    """Why deliveries failed, as the operator reads it."""
    records = [record for record in log.records if record.message == "delivery_settled"]
    return str([record.__dict__.get("error") for record in records])


async def test_two_workspaces_are_answered_at_once_each_by_its_own_token(
    hub: SlackHub, ada: Person, eve: Person
) -> None:
    statuses = [await hub.installs("acme"), await hub.installs("globex")]

    ada.dm("one")
    eve.dm("two")
    await hub.slack.until(lambda: len(ada.sees()) == len(eve.sees()) == 2)

    assert statuses == [200, 200]
    assert ada.sees() == ["one", "re: one"]
    assert eve.sees() == ["two", "re: two"]
    posts = hub.slack.calls("chat.postMessage")
    assert {post.team for post in posts} == {ada.workspace.id, eve.workspace.id}


async def test_people_of_two_workspaces_with_the_same_id_are_two(
    hub: SlackHub, ada: Person, eve: Person
) -> None:
    await hub.installs("acme")
    await hub.installs("globex")

    ada.dm("one")
    eve.dm("two")
    await hub.slack.until(lambda: len(ada.sees()) == len(eve.sees()) == 2)

    assert ada.id == eve.id
    people = hub.hub.store.people
    one = await people.find_person(Identity("slack", ada.workspace.id, ada.id))
    two = await people.find_person(Identity("slack", eve.workspace.id, eve.id))
    assert one is not None
    assert two is not None
    assert one.id != two.id


async def test_commands_of_two_workspaces_are_answered_where_they_were_given(
    hub: SlackHub, ada: Person, eve: Person
) -> None:
    await hub.installs("acme")
    await hub.installs("globex")

    await asyncio.gather(ada.slash("/ask", "one"), eve.slash("/ask", "two"))
    await hub.slack.until(lambda: ada.sees() == ["re: one"] and eve.sees() == ["re: two"])


async def test_a_workspace_that_never_installed_the_app_gets_a_stated_failure(
    hub: SlackHub, ada: Person, eve: Person
) -> None:
    await hub.installs("acme")

    eve.dm("hello?")
    ada.dm("hello")
    await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])

    failed = await hub.settled("turn-1.0")
    assert failed.state is DeliveryState.FAILED
    assert eve.sees() == ["hello?"]


async def test_no_token_is_stored_in_the_clear_or_logged(
    hub: SlackHub, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    rotates(hub)
    await hub.installs("acme")
    ada.dm("hello")
    await hub.slack.until(lambda: len(ada.sees()) == 2)

    stored = await hub.hub.store.installations.get("slack", ada.workspace.id)
    audit = await hub.hub.store.history.audit(0, 1_000)
    assert stored is not None
    assert b"xox" not in stored.sealed
    assert "xox" not in f"{stored} {audit} {caplog.text} {hub.adapter.options}"
    assert hub.slack.app.client_secret not in f"{hub.adapter.options}"


async def test_a_burst_during_a_renewal_uses_one_refresh(hub: SlackHub) -> None:
    rotates(hub)
    await hub.installs("acme")
    hub.slack.settings.token_seconds = 12 * ONE_HOUR
    people = [hub.slack.person(f"person{number}") for number in range(20)]

    for person in people:
        person.dm("hello")
    await hub.slack.until(lambda: all(len(person.sees()) == 2 for person in people))

    assert renewals(hub) == ["ok"]
    assert AuditKind.INSTALLATION_RENEWED in await kinds(hub)


async def test_two_processes_renew_a_token_once(hub: SlackHub, ada: Person) -> None:
    rotates(hub)
    await hub.installs("acme")
    hub.slack.settings.token_seconds = 12 * ONE_HOUR
    options, store, clock = hub.adapter.options, hub.hub.store, hub.hub.clock
    others = [type(hub.adapter)(options, store, hub.artifacts, clock) for _ in range(4)]

    team = ada.workspace.id
    tokens = await asyncio.gather(*(other.workspaces.token(team) for other in others))
    for other in others:
        await other.workspaces.close()

    assert renewals(hub) == ["ok"]
    assert (await hub.adapter.workspaces.token(team)) in tokens


async def test_while_another_process_renews_a_token_the_old_one_is_used(
    hub: SlackHub, ada: Person
) -> None:
    rotates(hub)
    await hub.installs("acme")
    place = f"slack renewal {ada.workspace.id}"
    now = hub.hub.clock.now()
    await hub.hub.store.leases.take(place, WorkerId("another"), now, timedelta(seconds=60))

    ada.dm("hello")
    await hub.slack.until(lambda: len(ada.sees()) == 2)

    assert renewals(hub) == []


async def test_a_renewal_that_fails_leaves_the_token_in_use(hub: SlackHub, ada: Person) -> None:
    rotates(hub)
    await hub.installs("acme")
    hub.slack.faults.refuse("oauth.v2.access", "internal_error")

    ada.dm("hello")
    await hub.slack.until(lambda: len(ada.sees()) == 2)

    assert renewals(hub) == ["internal_error"]


async def test_a_renewal_is_kept_though_the_store_was_away_for_a_moment() -> None:
    outage = Outage()
    async with slack_hub(ways=BY_OAUTH, store=around(MemoryStore(), "store", outage)) as hub:
        rotates(hub)
        ada = hub.slack.person("ada")
        await hub.installs("acme")
        rotates(hub, 12 * ONE_HOUR)
        outage.failures["before store.installations.renew"] = 2

        ada.dm("hello")
        await hub.slack.until(lambda: len(ada.sees()) == 2)
        kept = await hub.hub.store.installations.get("slack", ada.workspace.id)

    assert renewals(hub) == ["ok"]
    assert outage.failures["before store.installations.renew"] == 0
    assert kept is not None
    assert kept.revision == 2


async def test_a_renewal_whose_reply_is_lost_leaves_the_token_in_use(
    hub: SlackHub, ada: Person
) -> None:
    rotates(hub)
    await hub.installs("acme")
    hub.slack.faults.lose_reply("oauth.v2.access")

    ada.dm("hello")
    await hub.slack.until(lambda: len(ada.sees()) == 2)

    assert len(renewals(hub)) == 1


async def test_a_token_that_is_over_and_can_not_be_renewed_is_a_stated_failure(
    hub: SlackHub, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    grant = Grant(
        workspace=ada.workspace.id,
        name="acme",
        user=ada.workspace.bot.id,
        bot=ada.workspace.bot_id,
        token="xoxe.xoxb-over",
        refresh_token="xoxe-1-used",
        expires_at=1.0,
    )
    await keeps(hub, Seal("a long random text").close(grant), ada)

    ada.dm("hello")
    await hub.settled("turn-1.0")

    assert renewals(hub) == ["invalid_refresh_token"]
    assert "Install the app there again" in errors(caplog)


async def test_a_grant_that_another_secret_has_sealed_is_a_stated_failure(
    hub: SlackHub, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    grant = Grant(ada.workspace.id, "acme", ada.workspace.bot.id, "B1", "xoxb-1")
    await keeps(hub, Seal("another secret").close(grant), ada)

    ada.dm("hello")
    await hub.settled("turn-1.0")

    assert "slack.state_secret" in errors(caplog)


async def test_an_app_that_is_taken_out_in_mid_turn_fails_with_a_reason_and_others_go_on(
    hub: SlackHub, ada: Person, eve: Person, caplog: pytest.LogCaptureFixture
) -> None:
    await hub.installs("acme")
    await hub.installs("globex")
    gone = asyncio.Event()
    hub.agents.will(Until(gone), Say("too late"))
    ada.dm("think")
    await hub.slack.until(lambda: len(hub.agents.heard) == 1)

    hub.slack.uninstall("acme")
    await hub.slack.until_delivered()
    gone.set()
    eve.dm("and me?")
    await hub.slack.until(lambda: eve.sees() == ["and me?", "re: and me?"])

    failed = await hub.settled("turn-1.0")
    assert failed.state is DeliveryState.FAILED
    assert ada.sees() == ["think"]
    assert "not installed" in errors(caplog)
    assert AuditKind.INSTALLATION_ENDED in await kinds(hub)


async def test_a_workspace_that_left_can_come_back(hub: SlackHub, ada: Person) -> None:
    await hub.installs("acme")
    hub.slack.uninstall("acme")
    await hub.slack.until_delivered()

    await hub.installs("acme")
    ada.dm("hello")

    await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])


async def test_installations_outlive_the_process() -> None:
    async with dead_hub(ways=BY_OAUTH) as hub:
        ada = hub.slack.person("ada")
        async with hub.living():
            await hub.installs("acme")
        async with hub.living():
            ada.dm("hello")
            await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])


async def test_an_odd_answer_to_a_renewal_leaves_the_token_in_use(
    hub: SlackHub, ada: Person
) -> None:
    rotates(hub)
    await hub.installs("acme")
    hub.slack.faults.answer("oauth.v2.access", {"ok": True, "access_token": None})

    ada.dm("hello")

    await hub.slack.until(lambda: ada.sees() == ["hello", "re: hello"])
    assert renewals(hub) == ["answer"]
