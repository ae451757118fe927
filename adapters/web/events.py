"""A person's conversation as server-sent events that can be taken up again where they broke off.

    retry: 2000

    event: hello          the first one; `gap` when what was missed is not all kept any more
    id: 17-230
    data: {"type": "hello", "gap": false}

    event: message        or `removed`, with frames as those of `stream.py` with `?format=text`
    id: 17-231
    data: {"type": "message", "id": "…", "role": "assistant", "text": "…", "at": "…"}

    event: draft          or `typing`: a look at what is going on, without an id
    data: {"type": "draft", "id": "…", "text": "…"}

What has an id is read from the store, in the order in which it was stored. The id says up to where
the reader knows what was said (the first number) and what was posted (the second): with it as
`Last-Event-ID`, on whichever gateway, nothing is left out. Of a text that was changed meanwhile the
newest comes. Where a reader falls behind, or the gateway stops, the stream ends.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Container
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from adapters.web.answers import DoorRoute, check_room
from adapters.web.entrance import Entrance, Welcome
from adapters.web.event_stream import EventStream
from adapters.web.guard import TurnedAway
from adapters.web.inbound import parse_thread
from adapters.web.outbound import posted_event, said_event
from adapters.web.pages import Page
from adapters.web.parts import WebParts
from gateway.domain.audit import AuditEntry
from gateway.domain.ids import ConversationId, DeliveryId
from gateway.domain.messages import HistoryEntry
from gateway.errors import BadInput, Refused, RetryLater

AT_ONCE = 200
"""Rows that are read by one look."""
REMEMBERED = 1_000
"""Messages that a reader is known to have."""
RETRY_MILLISECONDS = 2_000
"""How long a reader waits before it comes again."""

_POSITION = re.compile(r"(\d{1,18})-(\d{1,18})")
_HINTS = ('{"type":"draft"', '{"type":"typing"')
_NO_MOMENT = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where a reader knows a conversation."""

    heard: int
    """The cursor of the newest message that somebody said."""
    posted: int
    """The place in the audit log of the newest post."""

    @property
    def id(self) -> str:
        """The id of an event; `parse_position` reads it back."""
        return f"{self.heard}-{self.posted}"


def parse_position(last_event_id: str | None) -> Position | None:
    """Read a `Last-Event-ID`; None where there is none. Raises BadInput."""
    if not last_event_id:
        return None
    found = _POSITION.fullmatch(last_event_id)
    if found is None or not last_event_id.isascii():
        raise BadInput("Last-Event-ID must be the id of an event of this stream.")
    return Position(int(found[1]), int(found[2]))


def make_events(parts: WebParts, entrance: Entrance) -> APIRouter:
    """Make the route."""
    door = _EventDoor(parts, entrance)
    router = APIRouter(route_class=DoorRoute)
    router.add_api_route("/events/{agent_id:path}", door.follow, methods=["GET"])
    return router


class _EventDoor:
    """Serves one stream after the other; each is of its reader's own conversation."""

    def __init__(self, parts: WebParts, entrance: Entrance) -> None:
        self._pages = parts.adapter.pages
        self._history = parts.history
        self._deliveries = parts.deliveries
        self._entrance = entrance
        self._quiet_seconds = parts.options.quiet_seconds

    async def follow(self, agent_id: str, request: Request) -> Response:
        """Tell what happens in a conversation, from the last event on that its reader has."""
        self._entrance.check(request)
        visitor = await self._entrance.reader(request)
        if visitor is None:
            raise TurnedAway(401, "This needs a token, or the cookie of the page.")
        role = self._entrance.role(agent_id, visitor)
        thread = parse_thread(request.query_params.get("conversation"))
        after = request.headers.get("last-event-id", request.query_params.get("after"))
        asked = parse_position(after)
        place = visitor.conversation(role, thread)
        check_room(self._pages, place)
        welcome = Welcome(self._entrance, request, self._quiet_seconds)
        return EventStream(self._events(place.id, asked, welcome))

    async def _events(
        self, place: ConversationId, asked: Position | None, welcome: Welcome
    ) -> AsyncGenerator[str]:
        told: OrderedDict[str, None] = OrderedDict()
        with self._pages.opened(place, wants_html=False) as page:
            try:
                position, has_gap = await self._begin(place, asked)
                hello = json.dumps({"type": "hello", "gap": has_gap}, separators=(",", ":"))
                yield f"retry: {RETRY_MILLISECONDS}\n\n{_event(hello, position)}"
                while not page.is_closed:
                    news = await self._news(place, position)
                    for each in news:
                        position = each.position
                        if each.frame is not None:
                            _remember(told, each.name)
                            yield _event(each.frame, position)
                    if not news:
                        self._pages.begin(place, position.heard)
                        async with aclosing(_hints(page, told, welcome)) as hints:
                            async for hint in hints:
                                yield hint
            except (Refused, RetryLater):
                return  # its reader comes again, and is told why

    async def _begin(self, place: ConversationId, asked: Position | None) -> tuple[Position, bool]:
        """Return where to begin, and whether something behind that is not kept any more."""
        newest = await self._history.newest_entry()
        # Who reads the log waits for who writes it: from here on nothing appears behind `newest`.
        oldest = await self._history.audit(0, 1)
        if asked is not None and asked.posted <= newest:
            return asked, bool(oldest) and oldest[0].sequence > asked.posted + 1
        said = await self._history.history(place, None, 1)
        return Position(said[-1].cursor if said else 0, newest), asked is not None

    async def _news(self, place: ConversationId, known: Position) -> list[_News]:
        """Return what came since, up to `AT_ONCE` of each kind, with the position behind each."""
        heard = await self._history.heard_since({place: known.heard}, AT_ONCE)
        posted = await self._history.posted_since([place], known.posted, AT_ONCE)
        news: list[_News] = []
        for each in heapq.merge((entry for _, entry in heard), posted, key=_moment):
            if isinstance(each, AuditEntry):
                known = replace(known, posted=each.sequence)
                frame = await self._frame_of(DeliveryId(each.ref))
                name = each.ref
            else:
                known = replace(known, heard=each.cursor)
                frame, name = said_event(each), each.id
            news.append(_News(name, frame, known))
        return news

    async def _frame_of(self, name: DeliveryId) -> str | None:
        """Return what shows a post as it is now; None for one that only grows yet."""
        delivery = await self._deliveries.get(name)
        if delivery is None or delivery.is_draft:
            return None
        return posted_event(delivery)


async def _hints(page: Page, told: Container[str], welcome: Welcome) -> AsyncGenerator[str]:
    """Yield what is going on until there is something to read, or nothing for a while.

    Raises Refused for a reader whose token or session is good for nothing any more.
    """
    while True:
        await welcome.check()
        try:
            async with asyncio.timeout(welcome.seconds):
                frame = await page.take()
        except TimeoutError:
            yield ": quiet\n\n"
            return
        if frame is None or not frame.startswith(_HINTS):
            return
        if json.loads(frame).get("id") not in told:
            yield _event(frame)


@dataclass(frozen=True, slots=True)
class _News:
    """Something that is stored, and the position behind it."""

    name: str
    frame: str | None
    """None for what moves the position alone."""
    position: Position


def _moment(each: HistoryEntry | AuditEntry) -> datetime:
    return each.at or _NO_MOMENT


def _remember(told: OrderedDict[str, None], name: str) -> None:
    """Note a message whose drafts would be older than it."""
    told[name] = None
    if len(told) > REMEMBERED:
        told.popitem(last=False)


def _event(frame: str, position: Position | None = None) -> str:
    kind = json.loads(frame)["type"]
    place = "" if position is None else f"id: {position.id}\n"
    return f"event: {kind}\n{place}data: {frame}\n\n"
