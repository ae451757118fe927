"""The way in: what bolt has verified and taken apart is stored here, and only then acknowledged.

Bolt acknowledges an event before its listeners run, so there are none: this
middleware stores the message and answers by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from adapters.slack.asides import Asides
from adapters.slack.calls import SlackCalls
from adapters.slack.downloads import Downloads
from adapters.slack.greetings import Greetings
from adapters.slack.home import Homes, Visit
from adapters.slack.inbound import (
    Heard,
    Left,
    Opened,
    Unknown,
    Visited,
    parse_event,
    place_of_event,
    read_envelope,
)
from adapters.slack.interactions import Asker
from adapters.slack.interactive import KINDS, Interactive
from adapters.slack.names import Names
from adapters.slack.options import Options
from adapters.slack.order import ChannelOrder
from adapters.slack.places import Place
from adapters.slack.refusals import Refusals
from adapters.slack.web_api import Json
from adapters.slack.wire import File
from adapters.slack.workspaces import Workspaces
from gateway.domain.messages import InboundMessage, MessageKind, tells_why
from gateway.domain.people import Sender
from gateway.errors import BadInput, RetryLater, StoreUnavailable
from gateway.ports import Accept, Clock, Store

MOST_RETRIES = 3
"""After so many, Slack sends an event no more."""

log = logging.getLogger(__name__)

_LOOKED_THROUGH = 20
"""Entries of a thread's history; each stranger there is told something seldom."""

_ANYBODY = AuthorizeResult(enterprise_id=None, team_id=None)


def make_app(workspaces: Workspaces, door: Door) -> AsyncApp:
    """Return the bolt app: it answers Slack's own checks, and asks the door about all else.

    Signatures of HTTP requests are verified in routes.py, before anything is parsed;
    the app's own events are dropped in inbound.py.
    """
    app = _App(
        name="postern",
        client=workspaces.web_client(None),
        authorize=_Authorize(),
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
    )
    app.use(_Store(door))  # pyright: ignore[reportUnknownMemberType] - bolt leaves it open
    return app


@dataclass(frozen=True, slots=True)
class Hints:
    """What is shown to people beside the conversation, when there is time."""

    greetings: Greetings
    homes: Homes
    asides: Asides


class Door:
    """Brings events and commands to the inbox, in order for each channel."""

    def __init__(
        self,
        calls: SlackCalls,
        hints: Hints,
        downloads: Downloads,
        store: Store,
        clock: Clock,
        options: Options,
    ) -> None:
        self._workspaces = calls.workspaces
        self._names = Names(calls, options)
        self._hints = hints
        self._downloads = downloads
        self._refusals = Refusals(store.turns, clock)
        self._interactive = Interactive(
            calls, hints.asides, self._names, self._refusals, clock, options
        )
        self._history = store.history
        self._options = options
        self._accept: Accept | None = None
        self._order = ChannelOrder()

    def open(self, accept: Accept) -> None:
        """Let messages in."""
        self._accept = accept

    def close(self) -> None:
        """Let nothing in: Slack delivers again what comes meanwhile."""
        self._accept = None

    async def turn_away(self, reason: str) -> None:
        """Have a request noted that is not Slack's: a line for each reason and minute."""
        await self._refusals.note_stranger(reason)

    async def receive(self, body: Mapping[str, object], retries: int = 0) -> Json | str:
        """Store what came; when this returns, Slack may be acknowledged with the answer.

        Raises StoreUnavailable when an event was not stored: Slack sends it again.
        """
        if "command" in body:
            return await self._interactive.command(body, self._store)
        if body.get("type") in KINDS:
            return await self._interactive.act(body, self._store)
        if body.get("type") == "event_callback":
            await self._receive_event(body, is_last_try=retries >= MOST_RETRIES)
        else:
            await self._refusals.note_odd(body, body.get("type"))
        return ""

    async def _receive_event(self, body: Mapping[str, object], *, is_last_try: bool) -> None:
        try:
            envelope = read_envelope(body)
            place = await self._known(place_of_event(envelope))
            event = parse_event(envelope, place, hears_reactions=self._options.hears_reactions)
        except ValueError:
            await self._refusals.note_odd(body, "event_shape")
            return
        match event:
            case Heard():
                await self._hear(event, is_last_try=is_last_try)
            case Opened(conversation):
                self._hints.greetings.greet(conversation)
            case Visited(team, user):
                self._hints.homes.show(Visit(team, user))
            case Left(team, reason, at):
                await self._workspaces.left(team, reason, at)
            case Unknown(kind):
                await self._refusals.note_odd(body, kind)
            case None:
                pass

    async def _known(self, place: Place) -> Place:
        """Return the place with who the app is there, which most events say, and what it hears."""
        place = replace(place, hears_all=self._options.hears_all)
        if place.app_user is not None:
            return place
        workspace = await self._workspaces.find(place.team)
        return place if workspace is None else replace(place, app_user=workspace.user)

    async def _hear(self, heard: Heard, *, is_last_try: bool) -> None:
        message = heard.message
        account = message.sender.identity
        if not message.sender.name:
            name = await self._names.name_of(account, message.conversation.workspace)
            if name:
                message = replace(message, sender=Sender(account, name))
        files = await self._welcome_files(heard)
        if heard.is_addressed and files:
            self._downloads.begin(message, files)
        async with self._order.turn(message.conversation.channel):
            if not heard.is_addressed and not await self._takes_part(message):
                return
            asker = _asker(message)
            if files:
                message, sentence = await self._downloads.take_in(
                    message, files, is_last_try=is_last_try
                )
                if sentence is not None:
                    self._hints.asides.tell(asker, sentence)
            try:
                await self._store(message)
            except BadInput as error:
                self._hints.asides.tell(asker, str(error))

    async def _welcome_files(self, heard: Heard) -> Sequence[File]:
        """Return the files to be taken in: of a new message, and of nobody who is refused."""
        if not heard.files or heard.message.kind is not MessageKind.TEXT:
            return ()
        sender, place = heard.message.sender, heard.message.conversation
        return heard.files if await self._options.admits(sender, place) else ()

    async def _takes_part(self, message: InboundMessage) -> bool:
        """Whether anything was said between people and the app, but for why it hears nobody."""
        newest = await self._history.history(message.conversation.id, None, _LOOKED_THROUGH)
        return any(not tells_why(entry.id) for entry in newest)

    async def _store(self, message: InboundMessage) -> None:
        if self._accept is None:
            raise StoreUnavailable("Postern is starting or stopping. Try again in a moment.")
        try:
            await self._accept(message)
        except BadInput as error:
            log.warning("message_refused", extra={"error": str(error)})
            await self._refusals.note_message(message)
            raise


class _App(AsyncApp):
    """Bolt without a client of its own for each request: those are for listeners."""

    def _init_context(self, req: AsyncBoltRequest) -> None:
        # Not public. Under another name bolt's own would run, which only costs time.
        req.context["client"] = self.client


class _Store(AsyncMiddleware):
    """The last middleware: it answers every request, so that none is an unhandled 404."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse:
        try:
            answer = await self._door.receive(_body_of(req), _retries_of(req))
        except RetryLater as error:
            log.warning("event_not_stored", extra={"error": str(error)})
            return BoltResponse(status=503, body="")
        return BoltResponse(status=200, body=answer if isinstance(answer, str) else dict(answer))


def _asker(message: InboundMessage) -> Asker:
    place, user = message.conversation, message.sender.identity.user
    return Asker(place.workspace, user, place.channel, place.thread, url="")


def _retries_of(request: AsyncBoltRequest) -> int:
    """Return how often Slack has sent this before; bolt names it alike over Socket Mode."""
    told = next(iter(request.headers.get("x-slack-retry-num", ())), "0")
    return int(told) if told.isdigit() else 0


def _body_of(request: AsyncBoltRequest) -> Mapping[str, object]:
    """Return the body, also of a form that bolt gives up on.

    Bolt 1.30 reads a form that has the word "payload" anywhere as an interaction,
    and as nothing at all when it is none: `/ask what is a payload?` came out empty.
    """
    return request.body or dict(parse_qsl(request.raw_body, keep_blank_values=True))


class _Authorize(AsyncAuthorize):
    """Lets everything through: who is who, the door finds out where it matters.

    Bolt's own authorization asks auth.test on the first event, and acknowledges
    events unheard when that fails.
    """

    async def __call__(self, **_: object) -> AuthorizeResult:  # pyright: ignore[reportIncompatibleMethodOverride] - it reads none of them
        return _ANYBODY
