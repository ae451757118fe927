"""Calls to Slack by workspace: each finds the client of the app's installation there."""

from __future__ import annotations

from adapters.slack import web_api
from adapters.slack.answers import DirectChannel
from adapters.slack.web_api import Json
from adapters.slack.workspaces import Workspaces


class SlackCalls:
    """Raises DeliveryRefused where the app is not installed; else as in web_api.py."""

    def __init__(self, workspaces: Workspaces) -> None:
        self.workspaces = workspaces

    async def write(self, team: str, method: str, args: Json) -> Json:
        """Change something."""
        return await web_api.write(await self.workspaces.client(team), method, args)

    async def open_direct(self, team: str, user: str) -> str:
        """Return the channel of somebody's direct messages; asking again is harmless."""
        method = "conversations.open"
        answer = await self.write(team, method, {"users": user})
        return web_api.answered(DirectChannel, method, answer).channel.id

    async def submit(self, team: str, method: str, args: Json) -> Json:
        """Change something by a method that takes no JSON."""
        return await web_api.submit(await self.workspaces.client(team), method, args)

    async def read(self, team: str, method: str, args: Json) -> Json:
        """Ask something."""
        return await web_api.read(await self.workspaces.client(team), method, args)
