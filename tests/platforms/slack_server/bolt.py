"""The real slack-bolt app, hosted for tests: over HTTP on a free port, or over Socket Mode."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.platforms.slack_server.server import SlackServer


def web_client(slack: SlackServer, token: str | None = None) -> AsyncWebClient:
    """The real client, aimed at this Slack; it never repeats a call by itself."""
    return AsyncWebClient(
        token=token or slack.bot_token(), base_url=slack.api_url, retry_handlers=[]
    )


def bolt_app(slack: SlackServer, *, ignores_itself: bool = True) -> AsyncApp:
    """The real app, with the token of the first workspace."""
    return AsyncApp(
        client=web_client(slack),
        signing_secret=slack.app.signing_secret,
        ignoring_self_events_enabled=ignores_itself,
    )


@asynccontextmanager
async def over_http(slack: SlackServer, app: AsyncApp) -> AsyncGenerator[str]:
    """Serve the app on 127.0.0.1 and send this Slack's events there; its base URL."""

    async def handle(request: web.Request) -> web.Response:
        flow = app.oauth_flow
        bolt_request = await to_bolt_request(request)
        if flow is not None and request.path == flow.install_path:
            return await to_aiohttp_response(await flow.handle_installation(bolt_request))
        if flow is not None and request.path == flow.redirect_uri_path:
            return await to_aiohttp_response(await flow.handle_callback(bolt_request))
        return await to_aiohttp_response(await app.async_dispatch(bolt_request))

    host = web.Application()
    host.router.add_route("*", "/slack/{path:.*}", handle)
    runner = web.AppRunner(host, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        slack.events_url = f"{base_url}/slack/events"
        yield base_url
    finally:
        await runner.cleanup()


@asynccontextmanager
async def over_socket_mode(
    slack: SlackServer, app: AsyncApp
) -> AsyncGenerator[AsyncSocketModeHandler]:
    """Connect the app with Socket Mode."""
    handler = AsyncSocketModeHandler(
        app, slack.app.app_token, web_client=web_client(slack, slack.app.app_token), ping_interval=1
    )
    try:
        await handler.connect_async()
        yield handler
    finally:
        await handler.close_async()
