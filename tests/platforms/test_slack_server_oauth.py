"""Installing, rotating and uninstalling, with the real slack-bolt OAuth flow against our Slack."""
# slack-bolt and slack_sdk leave many of their own types open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.say.async_say import AsyncSay
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import FileInstallationStore
from slack_sdk.oauth.state_store import FileOAuthStateStore
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from tests.platforms.slack_server import SlackServer, SlackSettings
from tests.platforms.slack_server.bolt import over_http

# slack_sdk hands aiohttp a BasicAuth, which aiohttp 3.14 wants to be rid of.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    # Tokens that last one hour are rotated by bolt at the next event: less than two hours are left.
    settings = SlackSettings(retry_delays_seconds=(), token_rotation=True, token_seconds=3600)
    async with SlackServer(settings) as server:
        server.add_workspace("globex")
        yield server


@pytest.fixture
def app(slack: SlackServer, tmp_path: Path) -> AsyncApp:
    """An app for many workspaces, with everything of its OAuth aimed at this Slack."""
    client = AsyncWebClient(base_url=slack.api_url, retry_handlers=[])
    settings = AsyncOAuthSettings(
        client_id=slack.app.client_id,
        client_secret=slack.app.client_secret,
        scopes=sorted(slack.settings.scopes),
        authorization_url=slack.authorize_url,
        install_page_rendering_enabled=False,
        installation_store=FileInstallationStore(base_dir=str(tmp_path / "installations")),
        state_store=FileOAuthStateStore(expiration_seconds=60, base_dir=str(tmp_path / "states")),
    )
    app = AsyncApp(
        client=client,
        signing_secret=slack.app.signing_secret,
        oauth_flow=AsyncOAuthFlow(client=client, settings=settings),
    )
    rotator = AsyncTokenRotator(
        client_id=slack.app.client_id, client_secret=slack.app.client_secret, client=client
    )
    flow: Any = app.oauth_flow  # Any: bolt's authorize has no public type with a rotator
    flow.settings.authorize.token_rotator = rotator
    app.enable_token_revocation_listeners()

    @app.event("message")
    async def echo(event: dict[str, Any], say: AsyncSay) -> None:
        await say(f"heard {event['text']}")

    return app


async def install(base_url: str, team: str) -> int:
    """Walk through the installation in a workspace as a browser does; the last status."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        async with browser.get(f"{base_url}/slack/install", allow_redirects=False) as begun:
            authorize = URL(begun.headers["Location"]).update_query(
                team=team, redirect_uri=f"{base_url}/slack/oauth_redirect"
            )
            cookie = begun.headers["Set-Cookie"].partition(";")[0]
        async with browser.get(authorize, allow_redirects=False) as agreed:
            back = agreed.headers["Location"]
        async with browser.get(back, headers={"Cookie": cookie}) as done:
            return done.status


async def test_each_workspace_is_answered_with_its_own_token(
    slack: SlackServer, app: AsyncApp
) -> None:
    ada, eve = slack.person("ada"), slack.person("eve", "globex")

    async with over_http(slack, app) as base_url:
        statuses = [await install(base_url, team) for team in ("acme", "globex")]
        ada.dm("one")
        eve.dm("two")
        await slack.until(lambda: len(ada.sees()) == len(eve.sees()) == 2)

    assert statuses == [200, 200]
    assert ada.sees() == ["one", "heard one"]
    assert eve.sees() == ["two", "heard two"]


async def test_a_token_near_its_end_is_rotated_by_the_next_event(
    slack: SlackServer, app: AsyncApp
) -> None:
    ada = slack.person("ada")

    async with over_http(slack, app) as base_url:
        await install(base_url, "acme")
        ada.dm("hello")
        await slack.until(lambda: "heard hello" in ada.sees())

    renewals = [
        call
        for call in slack.calls("oauth.v2.access")
        if call.args.get("grant_type") == "refresh_token"
    ]
    assert [call.outcome for call in renewals] == ["ok"]


async def test_an_uninstalled_app_forgets_the_workspace(slack: SlackServer, app: AsyncApp) -> None:
    flow: Any = app.oauth_flow  # Any: as above
    store = flow.settings.installation_store

    async with over_http(slack, app) as base_url:
        await install(base_url, "acme")
        found = await store.async_find_bot(enterprise_id=None, team_id=slack.workspace().id)
        slack.uninstall()
        await slack.until_delivered()

    gone = await store.async_find_bot(enterprise_id=None, team_id=slack.workspace().id)
    assert (found is not None, gone) == (True, None)
