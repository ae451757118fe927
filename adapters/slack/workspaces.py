"""The workspaces that the app is installed in: who it is there, and the client that speaks there.

Every call, in or out, gets its client here, so that a token is looked up in one place.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import web_api
from adapters.slack.failures import SlackRefused
from adapters.slack.options import Options
from gateway.errors import DeliveryRefused, RetryLater, SettingsWrong

_BAD_TOKEN = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_revoked",
    }
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Who the app is in one workspace."""

    team: str
    name: str
    user: str
    """The app's own user id there."""
    bot: str
    """The id that its messages carry as `bot_id`."""


class Workspaces:
    """One workspace, that of the bot token. Its id is known once Slack was asked."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._workspace: Workspace | None = None
        self._session: aiohttp.ClientSession | None = None

    def get(self, team: str) -> Workspace | None:
        """Return who the app is in this workspace; None until Slack was asked."""
        workspace = self._workspace
        return workspace if workspace is not None and workspace.team == team else None

    async def client(self, team: str) -> AsyncWebClient:
        """Return the client for this workspace. Raises DeliveryRefused where the app is not."""
        known = self._workspace
        if known is not None and known.team != team:
            raise DeliveryRefused(f'The app is not installed in the Slack workspace "{team}".')
        return self.web_client(self._options.bot_token)

    def web_client(self, token: str | None) -> AsyncWebClient:
        """Return a client with this token. It never repeats a call by itself.

        slack_sdk's default client repeats a call whose connection was cut, which
        posts twice when only the reply was lost.
        """
        return AsyncWebClient(
            token=token,
            base_url=self._options.api_url,
            session=self.session(),
            retry_handlers=[],
        )

    def session(self) -> aiohttp.ClientSession:
        """Return the connections to Slack, shared by all calls."""
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=self._options.call_timeout_seconds)
            connector = aiohttp.TCPConnector(limit=200)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        return self._session

    async def identify(self) -> Workspace:
        """Ask Slack who the token speaks for.

        Raises RetryLater when Slack can not be asked, SettingsWrong when it does not know it.
        """
        try:
            said = await web_api.read(self.web_client(self._options.bot_token), "auth.test", {})
        except SlackRefused as error:
            if error.code not in _BAD_TOKEN:
                raise RetryLater(f"Slack does not say who the app is. {error}") from error
            raise SettingsWrong(
                f'Slack does not take the bot token: "{error.code}". Install the app into the '
                'workspace again and set SLACK_BOT_TOKEN to its "Bot User OAuth Token" (xoxb-…).'
            ) from error
        self._workspace = Workspace(
            team=str(said["team_id"]),
            name=str(said["team"]),
            user=str(said["user_id"]),
            bot=str(said["bot_id"]),
        )
        return self._workspace

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
