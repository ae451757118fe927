"""Holds the Socket Mode connection: slack_sdk reconnects it, bolt answers what comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import web_api
from adapters.slack.answers import SocketAddress
from adapters.slack.failures import SlackRefused
from gateway.errors import OutcomeUnknown, RetryLater, SettingsWrong

PING_SECONDS = 10.0

_OPEN = "apps.connections.open"


@asynccontextmanager
async def connected(
    app: AsyncApp, app_token: str, client: AsyncWebClient
) -> AsyncGenerator[Callable[[], bool]]:
    """Keep the app connected while the context is open; yields whether it is at the moment.

    An envelope is acknowledged when the app answered 200; any other is sent by
    Slack again, over whichever connection. Raises SettingsWrong for a token that
    opens no connection, RetryLater when Slack can not be asked.
    """
    url = await _new_url(client)
    handler = AsyncSocketModeHandler(app, app_token, web_client=client, ping_interval=PING_SECONDS)
    socket = handler.client
    # With no address yet, the SDK asks for one itself, and for ever, also with a bad token.
    socket.wss_uri = url
    try:
        await handler.connect_async()
        yield lambda: socket.current_session is not None and not socket.current_session.closed
    finally:
        await handler.close_async()


async def _new_url(client: AsyncWebClient) -> str:
    try:
        answer = await web_api.write(client, _OPEN, {})
        return web_api.answered(SocketAddress, _OPEN, answer).url
    except OutcomeUnknown as error:
        raise RetryLater(str(error)) from error  # an address that nobody uses is harmless
    except SlackRefused as error:
        raise SettingsWrong(
            f'Slack opens no Socket Mode connection: "{error.code}". Set SLACK_APP_TOKEN to an '
            "app-level token (xapp-…) with the scope connections:write, and switch Socket Mode "
            "on in the settings of the app."
        ) from error
