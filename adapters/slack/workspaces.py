"""The workspaces that the app is installed in: who it is there, and the client that speaks there.

Every call, in or out, gets its client here, so that a token is looked up in one place.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import web_api
from adapters.slack.answers import Introduced
from adapters.slack.failures import SlackRefused
from adapters.slack.grants import Grant, Grants
from adapters.slack.options import Options
from adapters.slack.sessions import Sessions
from gateway.errors import DeliveryRefused, OutcomeUnknown, RetryLater, SettingsWrong
from gateway.ports import Clock, Store

log = logging.getLogger(__name__)

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
    """That of the bot token, whose id is known once Slack was asked, and those by OAuth."""

    def __init__(self, options: Options, store: Store, clock: Clock) -> None:
        self._token = options.bot_token
        self._sessions = Sessions(options)
        self._home: Workspace | None = None
        oauth = options.oauth
        self.grants = oauth and Grants(oauth, self._sessions, store, clock)
        """What other workspaces have granted; None without OAuth."""

    async def find(self, team: str) -> Workspace | None:
        """Return who the app is in this workspace; None where it is not, or not yet known."""
        home = self._home
        if home is not None and home.team == team:
            return home
        grant = None if self.grants is None else await self.grants.find(team)
        return None if grant is None else _workspace_of(grant)

    async def client(self, team: str) -> AsyncWebClient:
        """Return the client for this workspace. Raises DeliveryRefused where the app is not."""
        return self.web_client(await self.token(team))

    async def token(self, team: str) -> str:
        """Return the token for this workspace. Raises DeliveryRefused where the app is not."""
        home = self._home
        if self._token is not None and home is not None and home.team == team:
            return self._token
        grant = None if self.grants is None else await self.grants.good(team)
        if grant is not None:
            return grant.token
        if self._token is not None and home is None:
            return self._token
        raise DeliveryRefused(f'The app is not installed in the Slack workspace "{team}".')

    async def left(self, team: str, reason: str, at: datetime) -> None:
        """Forget a workspace that took the app out. That of the bot token is a setting."""
        if self._home is not None and self._home.team == team:
            log.warning("workspace_left", extra={"workspace": team, "reason": reason})
        if self.grants is not None:
            await self.grants.end(team, reason, at)

    def web_client(self, token: str | None) -> AsyncWebClient:
        """Return a client with this token, which never repeats a call by itself."""
        return self._sessions.web_client(token)

    def session(self) -> aiohttp.ClientSession:
        """Return the connections to Slack, shared by all calls."""
        return self._sessions.session()

    async def identify(self) -> Workspace | None:
        """Ask Slack who the bot token speaks for; None without one.

        Raises RetryLater when Slack can not be asked, SettingsWrong when it does not know it.
        """
        if self._token is None:
            return None
        try:
            said = await web_api.read(self.web_client(self._token), "auth.test", {})
            who = web_api.answered(Introduced, "auth.test", said)
        except OutcomeUnknown as error:
            raise RetryLater(str(error)) from error
        except SlackRefused as error:
            if error.code not in _BAD_TOKEN:
                raise RetryLater(f"Slack does not say who the app is. {error}") from error
            raise SettingsWrong(
                f'Slack does not take the bot token: "{error.code}". Install the app into the '
                'workspace again and set SLACK_BOT_TOKEN to its "Bot User OAuth Token" (xoxb-…).'
            ) from error
        self._home = Workspace(
            team=who.team_id, name=who.team or who.team_id, user=who.user_id, bot=who.bot_id
        )
        return self._home

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._sessions.close()


def _workspace_of(grant: Grant) -> Workspace:
    return Workspace(grant.workspace, grant.name, grant.user, grant.bot)
