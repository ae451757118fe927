"""Our Slack as a process: it remembers and tries again while the app comes and goes."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.patience import PATIENCE_SECONDS

Payload = dict[str, Any]  # Any: JSON


@pytest.fixture
async def urls() -> AsyncIterator[Payload]:
    """What the process printed; it is stopped afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.platforms.slack_server",
        f"--ack-timeout={PATIENCE_SECONDS}",
        "--retry-delays=0.05,0.05",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        assert await process.wait() == 0


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


class Control:
    """The process's control API."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def do(self, name: str, **body: object) -> Payload:
        async with self._session.post(self._url + name, json=body) as answer:
            return await answer.json()

    async def look(self, name: str, **query: str) -> Payload:
        async with self._session.get(self._url + name, params=query) as answer:
            return await answer.json()


@asynccontextmanager
async def listener(statuses: list[int]) -> AsyncGenerator[tuple[str, "asyncio.Queue[Payload]"]]:
    """An app that answers events with these statuses, and keeps what it was sent."""
    heard: asyncio.Queue[Payload] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        body: Payload = await request.json()
        await heard.put({**body, "retry": request.headers.get("X-Slack-Retry-Num")})
        return web.Response(status=statuses.pop(0))

    app = web.Application()
    app.router.add_post("/slack/events", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events", heard
    finally:
        await runner.cleanup()


async def test_the_process_tries_again_and_remembers_what_was_seen(
    urls: Payload, session: aiohttp.ClientSession
) -> None:
    control = Control(session, urls["control_url"])
    async with listener([500, 200, 200]) as (url, heard):
        await control.do("events_url", url=url)
        said = await control.do("say", person="ada", text="hello")
        first, second = await heard.get(), await heard.get()
        headers = {"Authorization": f"Bearer {urls['bot_token']}"}
        reply = {"channel": said["channel"], "text": "hi ada", "thread_ts": said["ts"]}
        async with session.post(
            urls["api_url"] + "chat.postMessage", json=reply, headers=headers
        ) as answer:
            posted = await answer.json()
        echo = await heard.get()

    seen = await control.look("visible", person="ada", thread=said["ts"])
    assert (first["event_id"], second["retry"]) == (second["event_id"], "1")
    assert echo["event"]["ts"] == posted["ts"]
    assert seen["texts"] == ["hello", "hi ada"]


async def test_faults_and_settings_are_given_over_the_control_api(
    urls: Payload, session: aiohttp.ClientSession
) -> None:
    control = Control(session, urls["control_url"])
    await control.do("settings", retry_delays_seconds=[])
    await control.do("fault", kind="refuse", method="auth.test", code="fatal_error")
    headers = {"Authorization": f"Bearer {urls['bot_token']}"}
    async with session.post(urls["api_url"] + "auth.test", headers=headers) as answer:
        body = await answer.json()

    log = await control.look("log")
    assert body == {"ok": False, "error": "fatal_error"}
    assert [call["outcome"] for call in log["calls"]] == ["fatal_error"]
