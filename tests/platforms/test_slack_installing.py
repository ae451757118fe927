"""The pages by which a workspace lets the app in: whom they serve, and what they refuse."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import aiohttp
import pytest
from yarl import URL

from gateway.domain.audit import AuditEntry, AuditKind
from storage.memory import MemoryStore
from tests.fakes.crashing import around
from tests.platforms.slack_hub import Outage, SlackHub, Ways, slack_hub
from tests.platforms.slack_server import SlackSettings

BY_OAUTH = Ways(is_oauth=True)


@pytest.fixture
async def hub() -> AsyncGenerator[SlackHub]:
    async with slack_hub(ways=BY_OAUTH) as hub:
        yield hub


async def newest(hub: SlackHub) -> AuditEntry:
    return (await hub.hub.store.history.audit(0, 1_000))[-1]


async def test_a_link_is_good_in_its_own_browser_and_once(hub: SlackHub) -> None:
    base = hub.events_url.removesuffix("/slack/events")
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as stranger,
    ):
        async with browser.get(f"{base}/slack/install", allow_redirects=False) as begun:
            authorize = URL(begun.headers["Location"])
            cookie = begun.cookies["postern_slack_install"]
        async with browser.get(authorize, allow_redirects=False) as agreed:
            back = agreed.headers["Location"]
        statuses: list[int] = []
        for client in (stranger, browser, browser):
            async with client.get(back) as done:
                statuses.append(done.status)

    assert cookie["httponly"]
    assert cookie["samesite"] == "lax"
    assert statuses == [400, 200, 400]


async def test_who_does_not_agree_is_told_so_and_installs_nothing(hub: SlackHub) -> None:
    assert await hub.installs("acme", deny="1") == 400

    team = hub.slack.workspace().id
    assert await hub.hub.store.installations.get("slack", team) is None


@pytest.mark.parametrize("query", ["", "?code=1.oauth-code", "?state=&code=1", "?state=x&code=1"])
async def test_a_way_back_that_nobody_was_sent_on_is_refused(hub: SlackHub, query: str) -> None:
    base = hub.events_url.removesuffix("/slack/events")
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(f"{base}/slack/oauth_redirect{query}") as answer,
    ):
        page = await answer.text()

    assert answer.status == 400
    assert "Begin again" in page
    assert hub.slack.calls("oauth.v2.access") == []


async def test_an_installation_that_slack_can_not_finish_can_be_begun_again(
    hub: SlackHub,
) -> None:
    hub.slack.faults.refuse("oauth.v2.access", "internal_error")

    assert await hub.installs("acme") == 502
    assert await hub.installs("acme") == 200


GRANTED = {"ok": True, "access_token": "xoxb-1", "team": {"id": "T1"}}
ODD = [
    ("oauth.v2.access", {"ok": True}),
    ("oauth.v2.access", {**GRANTED, "access_token": 7}),
    ("oauth.v2.access", {**GRANTED, "team": None}),
    ("oauth.v2.access", {**GRANTED, "team": "T1"}),
    ("oauth.v2.access", {**GRANTED, "is_enterprise_install": True, "enterprise": None}),
    ("oauth.v2.access", {**GRANTED, "expires_in": "soon"}),
    ("auth.test", {"ok": True}),
    ("auth.test", {"ok": True, "user_id": None, "bot_id": ["B1"], "team_id": "T1"}),
]


@pytest.mark.parametrize(("method", "answer"), ODD)
async def test_an_odd_answer_installs_nothing_and_is_said_and_audited(
    hub: SlackHub, method: str, answer: dict[str, object]
) -> None:
    hub.slack.faults.answer(method, answer)

    assert await hub.installs("acme") == 502
    assert (await newest(hub)).kind is AuditKind.INSTALLATION_FAILED
    assert await hub.installs("acme") == 200


async def test_a_code_that_slack_refuses_is_audited(hub: SlackHub) -> None:
    hub.slack.faults.refuse("oauth.v2.access", "invalid_code")

    assert await hub.installs("acme") == 400

    entry = await newest(hub)
    assert entry.kind is AuditKind.INSTALLATION_FAILED
    assert "invalid_code" in str(entry.data["reason"])


async def test_who_begins_too_often_waits_for_a_minute(hub: SlackHub) -> None:
    base = hub.events_url.removesuffix("/slack/events")
    async with aiohttp.ClientSession() as browser:
        for _ in range(10):
            async with browser.get(f"{base}/slack/install", allow_redirects=False) as answer:
                assert answer.status == 302
        async with browser.get(f"{base}/slack/install", allow_redirects=False) as answer:
            page = await answer.text()

    assert answer.status == 429
    assert answer.headers["Retry-After"] == "60"
    assert "try again in a minute" in page


async def test_while_the_store_is_away_nobody_is_sent_to_slack() -> None:
    outage = Outage()
    async with slack_hub(ways=BY_OAUTH, store=around(MemoryStore(), "store", outage)) as hub:
        outage.failures["before store.installations.keep_state"] = 1
        base = hub.events_url.removesuffix("/slack/events")
        async with (
            aiohttp.ClientSession() as browser,
            browser.get(f"{base}/slack/install", allow_redirects=False) as answer,
        ):
            assert answer.status == 503


async def test_without_oauth_there_are_no_pages() -> None:
    async with slack_hub(SlackSettings()) as hub, aiohttp.ClientSession() as browser:
        base = hub.events_url.removesuffix("/slack/events")
        async with browser.get(f"{base}/slack/install", allow_redirects=False) as answer:
            assert answer.status == 404
