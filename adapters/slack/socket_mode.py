"""Holds the Socket Mode connection: slack_sdk reconnects it, bolt answers what comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from gateway.errors import SettingsWrong

PING_SECONDS = 10.0


@asynccontextmanager
async def connected(app: AsyncApp, app_token: str, client: AsyncWebClient) -> AsyncGenerator[None]:
    """Keep the app connected for as long as the context is open.

    An envelope is acknowledged when the app answered 200; any other is sent by
    Slack again, over whichever connection. Raises SettingsWrong for a token that
    opens no connection.
    """
    handler = AsyncSocketModeHandler(app, app_token, web_client=client, ping_interval=PING_SECONDS)
    try:
        await handler.connect_async()
        yield
    except SlackApiError as error:
        raise SettingsWrong(
            "Slack opens no Socket Mode connection. Set SLACK_APP_TOKEN to an app-level token "
            "(xapp-…) with the scope connections:write, and switch Socket Mode on in the app."
        ) from error
    finally:
        await handler.close_async()
