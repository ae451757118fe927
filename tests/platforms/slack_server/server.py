"""The server itself: starts and stops everything, and answers what a test wants to know."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Self, TypeVar

import aiohttp
from aiohttp import web

from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.slack_server.clock import Clock, SystemClock
from tests.platforms.slack_server.control import Control
from tests.platforms.slack_server.events import Attempt, EventSender
from tests.platforms.slack_server.faults import Faults
from tests.platforms.slack_server.files import FileServer
from tests.platforms.slack_server.installations import AppConfig
from tests.platforms.slack_server.interactions import Answer, Interactions
from tests.platforms.slack_server.oauth import OAuthPages
from tests.platforms.slack_server.people import Person
from tests.platforms.slack_server.response_urls import ResponseUrls
from tests.platforms.slack_server.settings import SlackSettings
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.socket_mode import Sockets
from tests.platforms.slack_server.state import Channel, Message, View, Workspace
from tests.platforms.slack_server.web_api import WebApi
from tests.platforms.slack_server.web_api.views import add_view, replace_content
from tests.platforms.slack_server.world import ApiCall, World

T = TypeVar("T")


class SlackServer:
    """A Slack on 127.0.0.1 with one app, installed in one workspace ("acme") from the start.

        async with SlackServer() as slack:
            slack.events_url = "http://127.0.0.1:…/slack/events"   # leave it out for Socket Mode
            ada = slack.person("ada")
            ada.dm("hello")
            await slack.until(lambda: "hi ada" in ada.sees())

    The clients need `slack.api_url`, `slack.bot_token()`, `slack.app.signing_secret` and
    `slack.app.app_token`.
    """

    def __init__(
        self,
        settings: SlackSettings | None = None,
        *,
        clock: Clock | None = None,
        app: AppConfig | None = None,
    ) -> None:
        self.world = World(clock or SystemClock(), settings or SlackSettings(), app or AppConfig())
        self._stack = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> Self:
        """Listen on 127.0.0.1; port 0 picks a free one."""
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        connector = aiohttp.TCPConnector(limit=256)
        session = await self._stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        self._stack.callback(self._cancel_tasks)
        self.sockets = Sockets(self.world)
        self.events = EventSender(self.world, self.sockets, session, self._spawn)
        self.interactions = Interactions(self.world, self.events, self.sockets)
        self.world.publish = self.events.publish
        self.add_workspace("acme")
        await self._listen(port)
        return self

    async def _listen(self, port: int) -> None:
        runner = web.AppRunner(
            self._routes(), access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        self._stack.push_async_callback(self.sockets.close)
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        _, bound = runner.addresses[0][:2]
        self.world.base_url = f"http://127.0.0.1:{bound}"

    def _routes(self) -> web.Application:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        api = WebApi(self.world, self.interactions, self.sockets)
        files = FileServer(self.world)
        router = application.router
        router.add_route("*", "/api/{method}", api.handle)
        router.add_get("/link/", self.sockets.handle)
        router.add_post("/response/{link}", ResponseUrls(self.world, self.interactions).handle)
        router.add_post("/upload/v1/{file}", files.upload)
        router.add_get("/files-pri/{file}/{path:.*}", files.download)
        router.add_get("/oauth/v2/authorize", OAuthPages(self.world).authorize)
        router.add_route("*", "/_control/{name}", Control(self).handle)
        return application

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Stop sending and listening; what is still under way is given up."""
        await self._stack.aclose()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What the clients need.

    @property
    def app(self) -> AppConfig:
        return self.world.app

    @property
    def settings(self) -> SlackSettings:
        return self.world.settings

    @property
    def faults(self) -> Faults:
        return self.world.faults

    @property
    def base_url(self) -> str:
        return self.world.base_url

    @property
    def api_url(self) -> str:
        return f"{self.world.base_url}/api/"

    @property
    def authorize_url(self) -> str:
        return f"{self.world.base_url}/oauth/v2/authorize"

    @property
    def events_url(self) -> str | None:
        """Where events and interactions are POSTed; None means Socket Mode."""
        return self.events.url

    @events_url.setter
    def events_url(self, url: str | None) -> None:
        self.events.url = url

    def bot_token(self, workspace: str = "acme") -> str:
        """A token for a workspace; the same one while it is good."""
        place, installations = self.workspace(workspace), self.world.installations
        for token in installations.tokens.values():
            if token.workspace is place and not token.is_revoked and token.expires_at is None:
                return token.text
        return installations.issue(place, self.settings.scopes).text

    # Places and people.

    def add_workspace(self, name: str) -> Workspace:
        return self.world.add_workspace(name)

    def workspace(self, name: str = "acme") -> Workspace:
        return self.world.workspace_named(name)

    def person(self, name: str, workspace: str = "acme") -> Person:
        """The person of that name; they join the workspace when they were not yet there."""
        place = self.workspace(workspace)
        return Person(self, place, place.user_named(name) or place.add_user(name))

    def channel(
        self, name: str, workspace: str = "acme", *, kind: str = "channel", with_app: bool = True
    ) -> Channel:
        """The channel of that name; when it is new, everyone known so far is a member."""
        place = self.workspace(workspace)
        found = place.channel_named(name)
        if found is None:
            members = [user.id for user in place.users.values() if with_app or not user.is_bot]
            found = place.add_channel(name, kind, members, self.world.now())
        return found

    def channel_of(self, workspace: Workspace, channel: Channel | str) -> Channel:
        """A channel given as itself, its id or its name."""
        if isinstance(channel, Channel):
            return channel
        return workspace.channels.get(channel) or self.channel(channel, workspace.name)

    def uninstall(self, workspace: str = "acme") -> None:
        """Take the app out: its tokens die, tokens_revoked and app_uninstalled follow."""
        place = self.workspace(workspace)
        revoked = self.world.installations.revoke(place)
        if revoked:
            tokens: Json = {"oauth": [], "bot": [place.bot.id]}
            self.world.publish(place, {"type": "tokens_revoked", "tokens": tokens})
        self.world.publish(place, {"type": "app_uninstalled"})

    # What people see, and what has happened.

    def transcript(
        self, channel: Channel | str, thread: str | None = None, *, workspace: str = "acme"
    ) -> list[Message]:
        """The messages there, oldest first, without deleted ones.

        That is the channel's own (and broadcast replies), or a thread's with its root first.
        Ephemeral ones are included: each has `ephemeral_for`.
        """
        messages = [
            m
            for m in self.channel_of(self.workspace(workspace), channel).messages.values()
            if not m.is_deleted
        ]
        if thread is not None:
            return [message for message in messages if thread in (message.ts, message.thread_ts)]
        return [message for message in messages if not message.is_reply or message.is_broadcast]

    def visible(
        self,
        channel: Channel | str,
        thread: str | None = None,
        *,
        person: Person | None = None,
        workspace: str = "acme",
    ) -> list[str]:
        """The texts on everyone's screen; with `person`, also what only they can see."""
        name, user_id = (person.workspace.name, person.id) if person else (workspace, None)
        messages = self.transcript(channel, thread, workspace=name)
        return [message.shown for message in messages if message.ephemeral_for in (None, user_id)]

    def said_by_app(self, channel: Channel | str, *, workspace: str = "acme") -> list[str]:
        """Every text of the app that can be seen there, in any thread, oldest first."""
        messages = self.channel_of(self.workspace(workspace), channel).messages.values()
        return [m.shown for m in messages if m.is_by_app and not m.is_deleted]

    def status(self, channel: Channel, thread_ts: str) -> str | None:
        """The "is thinking..." line of a thread, while it shows."""
        for workspace in self.world.workspaces.values():
            if workspace.channels.get(channel.id) is channel:
                text, at = workspace.statuses.get((channel.id, thread_ts), (None, 0.0))
                return text if self.world.now() - at <= self.settings.status_seconds else None
        return None

    def calls(self, method: str | None = None) -> list[ApiCall]:
        """Web API calls in order of arrival, carried out or not."""
        return [call for call in self.world.calls if method in (None, call.method)]

    @property
    def attempts(self) -> list[Attempt]:
        """Every try to hand an event to the app."""
        return self.events.attempts

    @property
    def answers(self) -> list[Answer]:
        """What the app said to commands and interactions."""
        return self.interactions.answers

    async def until(
        self, predicate: Callable[[], T], timeout_seconds: float = PATIENCE_SECONDS
    ) -> T:
        """Wait for the predicate's first true value; AssertionError when it never comes."""
        try:
            return await self.world.pulse.until(predicate, timeout_seconds)
        except TimeoutError as error:
            calls = [(call.method, call.outcome) for call in self.world.calls[-10:]]
            tries = [(a.event_type, a.number, a.status, a.reason) for a in self.attempts[-10:]]
            raise AssertionError(
                f"not within {timeout_seconds} s. Last calls: {calls}. Last events sent: {tries}."
            ) from error

    async def until_delivered(self, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until every event was accepted or given up."""
        await self.until(lambda: self.events.in_flight == 0, timeout_seconds)

    def apply_submission(self, view: View, answer: Answer) -> None:
        """Close, update, push or clear, as the answer to a view_submission asks."""
        if not answer.is_acknowledged:
            return
        workspace = next(w for w in self.world.workspaces.values() if w.views.get(view.id) is view)
        match answer.body.get("response_action"):
            case "errors":
                return
            case "update":
                replace_content(view, answer.body["view"])
            case "push":
                add_view(workspace, workspace.users[view.user], answer.body["view"], previous=view)
            case "clear":
                for other in workspace.views.values():
                    if other.root_id == view.root_id:
                        other.is_open = False
            case _:
                view.is_open = False
        self.world.pulse.beat()
