"""What our Slack promises about events, over HTTP and Socket Mode, seen by real slack-bolt."""
# slack-bolt and slack_sdk leave many of their own types open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.say.async_say import AsyncSay
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.slack_server import ManualClock, SlackServer, SlackSettings
from tests.platforms.slack_server.bolt import bolt_app, over_http, over_socket_mode, web_client

Payload = dict[str, Any]  # Any: JSON from Slack


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def slack(clock: ManualClock) -> AsyncIterator[SlackServer]:
    settings = SlackSettings(retry_delays_seconds=(0.0, 0.02, 0.02))
    async with SlackServer(settings, clock=clock) as server:
        yield server


@pytest.fixture
def client(slack: SlackServer) -> AsyncWebClient:
    return web_client(slack)


async def ignore() -> None:
    """A listener for events that a test is not about."""


class Heard:
    """A bolt app that keeps every event payload it is given, and can answer."""

    def __init__(self, slack: SlackServer, *, ignores_itself: bool = True) -> None:
        self.app = bolt_app(slack, ignores_itself=ignores_itself)
        self.bodies: list[Payload] = []
        self.app.use(self._keep)
        self.app.event("message")(self._echo)
        self.app.event({"type": "message", "subtype": "message_changed"})(ignore)
        for event in ("app_mention", "app_home_opened", "reaction_added", "file_shared"):
            self.app.event(event)(ignore)
        self.app.event("assistant_thread_started")(ignore)

    async def _keep(self, body: Payload, next: Any) -> None:
        self.bodies.append(body)
        await next()

    async def _echo(self, event: Payload, say: AsyncSay) -> None:
        if "subtype" not in event and "bot_id" not in event:
            await say(text=f"heard {event['text']}", thread_ts=event.get("thread_ts"))

    def events(self, kind: str) -> list[Payload]:
        return [b["event"] for b in self.bodies if b.get("event", {}).get("type") == kind]


async def test_a_dm_reaches_the_app_over_http_and_its_answer_is_seen(slack: SlackServer) -> None:
    heard = Heard(slack)
    ada = slack.person("ada")

    async with over_http(slack, heard.app):
        ada.dm("hello")
        await slack.until(lambda: ada.sees() == ["hello", "heard hello"])
        await slack.until_delivered()

    first = slack.attempts[0]
    assert (first.event_type, first.number, first.status, first.via) == ("message", 0, 200, "http")
    assert slack.calls("chat.postMessage")[0].outcome == "ok"


async def test_a_dm_reaches_the_app_over_socket_mode_and_its_answer_is_seen(
    slack: SlackServer,
) -> None:
    heard = Heard(slack)
    ada = slack.person("ada")

    async with over_socket_mode(slack, heard.app):
        ada.dm("hello")
        await slack.until(lambda: ada.sees() == ["hello", "heard hello"])
        await slack.until_delivered()

    assert slack.attempts[0].via == "socket"


async def test_an_own_post_comes_back_with_its_bot_id(slack: SlackServer) -> None:
    heard = Heard(slack, ignores_itself=False)

    async with over_http(slack, heard.app):
        slack.person("ada").dm("hello")
        await slack.until(lambda: len(heard.events("message")) == 2)

    echo = heard.events("message")[1]
    assert (echo["text"], echo["bot_id"]) == ("heard hello", slack.workspace().bot_id)


async def test_an_event_that_failed_comes_again_with_its_id_and_the_reason(
    slack: SlackServer,
) -> None:
    app, tries = bolt_app(slack), list[tuple[str, str | None, str | None]]()

    @app.use
    async def fail_twice(body: Payload, request: Any, next: Any) -> None:
        number = request.headers.get("x-slack-retry-num", [None])[0]
        reason = request.headers.get("x-slack-retry-reason", [None])[0]
        tries.append((body["event_id"], number, reason))
        if len(tries) < 3:
            raise RuntimeError("the store is away")
        await next()

    app.event("message")(ignore)
    async with over_http(slack, app):
        slack.person("ada").dm("hello")
        await slack.until_delivered()

    assert len({event_id for event_id, _, _ in tries}) == 1
    assert [rest for _, *rest in tries] == [[None, None], ["1", "http_error"], ["2", "http_error"]]
    assert [attempt.status for attempt in slack.attempts] == [500, 500, 200]


async def test_an_event_not_acknowledged_in_time_is_sent_again(slack: SlackServer) -> None:
    slack.settings.ack_timeout_seconds = 1.5
    app, release, reasons = bolt_app(slack), asyncio.Event(), list[str | None]()

    @app.use
    async def be_slow_once(request: Any, next: Any) -> None:
        reasons.append(request.headers.get("x-slack-retry-reason", [None])[0])
        if len(reasons) == 1:
            slack.settings.ack_timeout_seconds = PATIENCE_SECONDS
            await release.wait()
        await next()

    app.event("message")(ignore)
    async with over_http(slack, app):
        slack.person("ada").dm("hello")
        await slack.until_delivered()
        release.set()

    assert reasons == [None, "http_timeout"]


async def test_an_event_refused_for_good_is_not_sent_again(slack: SlackServer) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    async with TestServer(_one_route(refuse)) as host:
        slack.events_url = str(host.make_url("/slack/events"))
        slack.person("ada").dm("hello")
        await slack.until_delivered()

    assert [attempt.reason for attempt in slack.attempts] == ["http_error"]


def _one_route(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    application = web.Application()
    application.router.add_post("/slack/events", handler)
    return application


async def test_the_app_can_tell_a_forged_event(slack: SlackServer) -> None:
    app = AsyncApp(client=web_client(slack), signing_secret="another secret")

    async with over_http(slack, app):
        slack.person("ada").dm("hello")
        await slack.until_delivered()

    assert {attempt.status for attempt in slack.attempts} == {401}


async def test_the_url_is_verified_with_a_challenge(slack: SlackServer) -> None:
    async with over_http(slack, bolt_app(slack)) as base_url:
        assert await slack.events.verify_url(f"{base_url}/slack/events")


async def test_a_mention_arrives_twice_under_two_event_ids(slack: SlackServer) -> None:
    heard = Heard(slack)
    ada = slack.person("ada")
    slack.channel("general")

    async with over_http(slack, heard.app):
        ada.mentions("general", "are you there?")
        await slack.until(lambda: len(heard.bodies) >= 2)

    mention, message = heard.bodies[:2]
    assert [mention["event"]["type"], message["event"]["type"]] == ["app_mention", "message"]
    assert mention["event_id"] != message["event_id"]
    assert mention["event"]["ts"] == message["event"]["ts"]


async def test_a_channel_without_the_app_is_not_heard(slack: SlackServer) -> None:
    heard = Heard(slack)
    ada = slack.person("ada")
    slack.channel("secrets", with_app=False)

    async with over_http(slack, heard.app):
        ada.mentions("secrets", "are you there?")
        ada.dm("here I am")
        await slack.until(lambda: heard.bodies)

    assert heard.bodies[0]["event"]["text"] == "here I am"


async def test_edits_and_deletions_arrive_hidden(slack: SlackServer) -> None:
    heard = Heard(slack)
    ada = slack.person("ada")

    async with over_http(slack, heard.app):
        message = ada.dm("helo")
        ada.edits(message, "hello")
        ada.deletes(message)
        await slack.until(lambda: {"message_changed", "message_deleted"} <= _subtypes(heard))

    changed = next(e for e in heard.events("message") if e.get("subtype") == "message_changed")
    assert changed["hidden"] is True
    assert (changed["previous_message"]["text"], changed["message"]["text"]) == ("helo", "hello")
    assert [revision.text for revision in message.revisions] == ["helo", "hello"]


def _subtypes(heard: Heard) -> set[str | None]:
    return {event.get("subtype") for event in heard.events("message")}


async def test_a_refresh_moves_the_app_to_a_new_connection_without_losing_events(
    slack: SlackServer,
) -> None:
    heard = Heard(slack)
    ada = slack.person("ada")

    async with over_socket_mode(slack, heard.app):
        ada.dm("before")
        await slack.until(lambda: "heard before" in ada.sees())
        await slack.sockets.refresh()
        ada.dm("after")
        await slack.until(lambda: "heard after" in ada.sees())

    assert slack.sockets.opened == 2


async def test_an_eleventh_connection_is_turned_away(slack: SlackServer) -> None:
    slack.settings.max_connections = 1
    client = web_client(slack, slack.app.app_token)

    async with aiohttp.ClientSession() as session, over_socket_mode(slack, bolt_app(slack)):
        await slack.until(lambda: slack.sockets.connections)
        opened = await client.apps_connections_open(app_token=slack.app.app_token)
        async with session.ws_connect(str(opened["url"])) as second:
            first_frame = await second.receive_json()

    assert (first_frame["type"], first_frame["reason"]) == ("disconnect", "too_many_websockets")


async def test_an_event_unanswered_on_a_cut_connection_comes_again(slack: SlackServer) -> None:
    slack.settings.retry_delays_seconds = (0.1, 0.5, 1.0, 2.0, 2.0)
    heard = Heard(slack)
    ada = slack.person("ada")

    async with over_socket_mode(slack, heard.app):
        slack.sockets.cut()
        ada.dm("hello")
        await slack.until(lambda: "heard hello" in ada.sees(), timeout_seconds=10)

    assert slack.attempts[0].reason == "connection_failed"


async def test_home_and_assistant_events_arrive(slack: SlackServer, client: AsyncWebClient) -> None:
    heard = Heard(slack)
    ada = slack.person("ada")

    async with over_http(slack, heard.app):
        ada.opens_home("messages")
        root = ada.opens_assistant()
        await slack.until(lambda: heard.events("assistant_thread_started"))
    await client.assistant_threads_setStatus(
        channel_id=ada.dm_channel.id, thread_ts=root.ts, status="is thinking..."
    )

    assert heard.events("app_home_opened")[0]["tab"] == "messages"
    assert slack.status(ada.dm_channel, root.ts) == "is thinking..."


async def test_scripted_events_come_twice_swapped_and_both_ways(slack: SlackServer) -> None:
    app, texts = bolt_app(slack), list[str]()

    @app.event("message")
    async def keep(event: Payload) -> None:
        texts.append(event["text"])

    ada = slack.person("ada")
    async with over_http(slack, app), over_socket_mode(slack, app):
        slack.faults.duplicate_events("message")
        ada.dm("twice")
        await slack.until_delivered()
        slack.faults.swap_events("message")
        ada.dm("second")
        ada.dm("first")
        await slack.until_delivered()
        slack.faults.send_both_ways("message")
        ada.dm("both ways")
        await slack.until_delivered()
        await slack.until(lambda: len(texts) == 6)

    assert texts[:4] == ["twice", "twice", "first", "second"]
    assert {a.via for a in slack.attempts[-2:]} == {"http", "socket"}
    assert len({a.event_id for a in slack.attempts[-2:]}) == 1


async def test_an_uninstalled_app_hears_of_it_and_its_token_is_dead(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    app: AsyncApp = bolt_app(slack)
    await client.auth_test()
    slack.uninstall()

    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()

    assert caught.value.response["error"] == "token_revoked"
    assert app.client.token == client.token
