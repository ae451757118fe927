"""The server as tests hold it: start and stop, people, what is visible, waiting."""

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from tests.fakes.patience import PATIENCE_SECONDS
from tests.fakes.ports import port_of_our_own
from tests.platforms.discord_server.connection import ClosedBy
from tests.platforms.discord_server.errors import Refusal
from tests.platforms.discord_server.events import Event
from tests.platforms.discord_server.faults import Faults
from tests.platforms.discord_server.gateway import Gateway
from tests.platforms.discord_server.interactions import Interactions
from tests.platforms.discord_server.limits import Limits
from tests.platforms.discord_server.people import Person, shown_text
from tests.platforms.discord_server.records import (
    Channel,
    Guild,
    Interaction,
    Message,
    Permission,
    User,
)
from tests.platforms.discord_server.requests import RequestLog, Route
from tests.platforms.discord_server.rest.application import Application, attachment
from tests.platforms.discord_server.rest.commands import Commands
from tests.platforms.discord_server.rest.messages import Messages
from tests.platforms.discord_server.rest.places import Places
from tests.platforms.discord_server.rest.reactions import Reactions
from tests.platforms.discord_server.rest.service import PREFIX, RestService
from tests.platforms.discord_server.rest.webhooks import Webhooks
from tests.platforms.discord_server.settings import ServerSettings
from tests.platforms.discord_server.signer import Signer
from tests.platforms.discord_server.state import World
from tests.platforms.discord_server.wire import Json

T = TypeVar("T")
_MIB = 1024 * 1024
_LOOK_AGAIN_SECONDS = 0.02


class DiscordServer:
    """A Discord on 127.0.0.1 that remembers everything.

    Use it as an async context manager. What happens before a client connects is remembered
    and can be read back over REST, as with the real one.
    """

    def __init__(self, settings: ServerSettings | None = None, *, port: int | None = None) -> None:
        self.settings = settings or ServerSettings()
        self.world = World(self.settings)
        self.limits = Limits(self.settings.clock)
        self.faults = Faults()
        self.log = RequestLog()
        self.signer = Signer(self.settings.interaction_answer_seconds)
        self.application = Application(self.world, self.signer.public_key)
        self.interactions = Interactions(self.world)
        self.commands = Commands(self.world)
        self.gateway = Gateway(self.world, self.application, self.notify)
        self.house: Guild = self.world.add_guild("house")
        """The guild that everybody is in."""

        self.general: Channel = self.world.add_channel(self.house, "general")
        self.extensions: list[Callable[[web.Application], None]] = []
        """Mount more routes on the same port before the start."""

        self._people: dict[str, Person] = {}
        self._waiting: set[asyncio.Event] = set()
        self._port = port_of_our_own() if port is None else port
        self._runner: web.AppRunner | None = None
        self.world.announce.listeners += [self.gateway.publish, self._note]

    # Start and stop

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on loopback, after a stop on the same port again; port 0 takes any free one."""
        runner = web.AppRunner(self._web_application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._runner = runner
        self._port = int(runner.addresses[0][1])
        self.world.base_url = f"http://127.0.0.1:{self._port}"
        self.application.gateway_url = f"ws://127.0.0.1:{self._port}/"

    async def stop(self) -> None:
        """Close every connection and stop listening. What is remembered stays."""
        for connection in list(self.gateway.connections):
            connection.close(ClosedBy(1001))
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _web_application(self) -> web.Application:
        app = web.Application(client_max_size=self.settings.request_limit_bytes + _MIB)
        rest = RestService(self.world, self.limits, self.faults, self.log, self.notify)
        cdn = "/attachments/{channel_id}/{attachment_id}/{filename}"
        for part in self._parts():
            rest.mount(app, part)
        files = Route("GET", cdn, lambda call: attachment(self.world, call), needs_token=False)
        rest.mount(app, [files], prefix="")
        rest.mount_unknown(app)
        for extend in self.extensions:
            extend(app)
        app.router.add_get("/", self.gateway.serve)
        app.router.add_get("/resume/", self.gateway.serve)
        return app

    def _parts(self) -> list[list[Route]]:
        return [
            self.application.routes(),
            Places(self.world).routes(),
            Messages(self.world).routes(),
            Reactions(self.world).routes(),
            self.commands.routes(),
            Webhooks(self.world, self.interactions).routes(),
        ]

    @property
    def api_url(self) -> str:
        return self.world.base_url + PREFIX

    @property
    def gateway_url(self) -> str:
        return self.application.gateway_url

    @property
    def token(self) -> str:
        return self.settings.token

    # Who and where

    def person(self, name: str) -> Person:
        """Give the person of that name; the first time, they join every guild there is."""
        if name not in self._people:
            user = self.world.add_user(name)
            self._people[name] = Person(self, user)
            for guild in self.world.guilds.values():
                guild.member_ids.append(user.id)
        return self._people[name]

    def guild(self, name: str, *, shard: int = 0) -> Guild:
        """Found a guild on a shard; everybody known joins it."""
        guild = self.world.add_guild(name, shard=shard)
        guild.member_ids += [person.id for person in self._people.values()]
        return guild

    def channel(self, name: str, guild: Guild | None = None) -> Channel:
        return self.world.add_channel(guild or self.house, name)

    def deny(self, channel: Channel, *permissions: Permission) -> None:
        """Take permissions from the bot in a channel, and tell it with CHANNEL_UPDATE."""
        for permission in permissions:
            channel.denied |= permission
        self.world.announce.channel("CHANNEL_UPDATE", channel)

    async def deliver(
        self,
        kind: int,
        user: User,
        channel: Channel,
        data: Json,
        source: Message | None = None,
    ) -> Interaction:
        """Open an interaction and send it: over the gateway, or to the HTTP endpoint if set."""
        record = self.interactions.open(kind, user, channel, data, source)
        payload = self.interactions.payload(record)
        url = self.application.interactions_url
        if url is None:
            self.world.announce.interaction(payload, channel.guild_id)
            return record
        answer = await self.signer.post(url, payload)
        if answer.status == 200 and answer.body is not None:
            self._take_http_answer(record, answer.body)
        return record

    def _take_http_answer(self, record: Interaction, body: Json) -> None:
        try:
            self.interactions.answer(record, body, {})
        except Refusal as refusal:
            record.failures.append(refusal.body)
        self.notify()

    # What people see

    def messages(self, channel: Channel, *, to: User | None = None) -> list[Message]:
        """Give the messages shown in a channel now; with `to`, their ephemeral ones too."""
        seer = None if to is None else to.id
        return [
            message
            for message in channel.messages
            if not message.is_deleted and message.visible_to in (None, seer)
        ]

    def visible(self, channel: Channel, *, to: User | None = None) -> list[str]:
        """Give the texts shown in a channel now, oldest first, without "is thinking"."""
        shown = self.messages(channel, to=to)
        return [shown_text(message) for message in shown if not message.is_loading]

    def thinking(self, channel: Channel) -> list[Message]:
        """Give the messages that still say "is thinking"."""
        return [message for message in channel.messages if message.is_loading]

    def said_by_bot(self, channel: Channel) -> list[str]:
        """Give the bot's texts in a channel, deleted ones included: to count doubles."""
        return [
            shown_text(message)
            for message in channel.messages
            if message.author is self.world.bot and not message.is_loading
        ]

    # Waiting

    def notify(self) -> None:
        for waiting in self._waiting:
            waiting.set()

    def _note(self, event: Event) -> None:
        self.notify()

    async def until(
        self,
        predicate: Callable[[], T | None],
        timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109 - the failure must say what was seen
    ) -> T:
        """Wait until the predicate gives something true, and return that.

        Asked again after every request, event and gateway payload, and every 20 ms for what
        only the client knows. Raises `TimeoutError` with what every channel shows.
        """
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(timeout):
                while not (found := predicate()):
                    await _set_within(changed, _LOOK_AGAIN_SECONDS)
                    changed.clear()
                return found
        except TimeoutError as error:
            raise TimeoutError(f"Not so within {timeout} s.\n{self.story()}") from error
        finally:
            self._waiting.discard(changed)

    def story(self) -> str:
        """Tell what every channel shows and which requests failed, for failure messages."""
        lines: list[str] = []
        for channel in self.world.channels.values():
            lines.append(f"#{channel.name}")
            lines += [f"  {m.author.name}: {m.texts!r}" for m in self.messages(channel)]
        for entry in self.log.entries[-20:]:
            call = entry.call
            lines.append(f"{call.method} {call.path} -> {entry.status} {entry.trouble or ''}")
        return "\n".join(lines)

    async def connected(self, shards: int = 1, *, timeout: float = PATIENCE_SECONDS) -> None:  # noqa: ASYNC109
        """Wait until that many shards hold a session."""
        await self.until(lambda: len(self.gateway.live) >= shards, timeout=timeout)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
