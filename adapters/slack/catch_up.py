"""Fetches what people wrote in direct messages while nobody listened, and has it heard like events.

Slack sends an event again for about six minutes; after a longer outage only its history tells.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from pydantic import TypeAdapter

from adapters.slack.answers import MessagePage
from adapters.slack.calls import SlackCalls
from adapters.slack.failures import SlackRefused
from adapters.slack.options import Options
from adapters.slack.web_api import Json, answered
from gateway.domain.conversations import Conversation
from gateway.domain.ids import ConversationId
from gateway.domain.people import Identity
from gateway.errors import PosternError, RetryLater, StoreUnavailable
from gateway.ports import Clock, Store

log = logging.getLogger(__name__)

Hear = Callable[[Mapping[str, object], int], Awaitable[object]]
"""Takes in the body of an event that came so many times before; see `Door.receive`."""

T = TypeVar("T")

LONGEST = timedelta(days=2)
"""What is older is no news to anybody."""
MOST_MESSAGES = 100
"""The newest ones of a conversation."""
MOST_CONVERSATIONS = 1_000
"""Those in which a person wrote last."""
_WAITS_SECONDS = (1.0, 5.0, 30.0)
"""Between the tries of what can not be done just now, unless Slack asks for longer."""

_BY_THREAD = "conversations.replies"


_SUBJECT, _NOTE = "slack", "heard"
_NOTE_EVERY = timedelta(minutes=1)
_MARGIN = timedelta(minutes=1)
"""A connection is noticed to be dead only so much later."""
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class _Noted:
    """What a process remembers for the next one."""

    until: str
    """The `ts` up to which everything was heard, but for the gaps."""
    left: dict[str, str] = field(default_factory=dict[str, str])
    """The gaps that are left: by conversation, what is known there."""


_NOTED = TypeAdapter(_Noted)


@dataclass(frozen=True, slots=True)
class Gap:
    """What a conversation may hold that was not heard."""

    conversation: Conversation
    after: str
    """The `ts` of the last message that is known."""


class CatchUp:
    """Fills gaps, one call after the other, while live events are heard.

    There is one before every start, and one wherever nothing could be heard for longer
    than Slack repeats: the connection was cut, or the machine slept. What is left of them
    is noted, for the next start. A message that comes both ways has one id, and is
    stored once. What can not be fetched is logged once for each reason, and left alone
    until the next look.
    """

    def __init__(self, calls: SlackCalls, store: Store, clock: Clock, options: Options) -> None:
        self._calls = calls
        self._store = store
        self._clock = clock
        self._options = options
        self._pause = options.catch_up_pause_seconds
        self._begun = asyncio.Event()
        self._told: set[str] = set()
        self._heard_at = clock.now()
        """All that was sent before is heard, or is in a gap that is known."""
        self._deaf_since: str | None = None
        """Since when there may be gaps that are not known yet; None while there are none."""
        self._is_deaf = asyncio.Event()
        self._left: dict[Conversation, str] = {}
        """The gaps that are to be filled, in this order, by what is known in them."""
        self._failed: dict[Conversation, str] = {}

    async def look(self) -> None:
        """Learn until when an earlier process heard, before anything new is heard."""
        self._heard_at = self._clock.now()
        text = None
        try:
            text = await self._store.notes.get(_SUBJECT, _NOTE)
        except StoreUnavailable as error:
            self._tell("", error)
        until, self._left = read_note(text) or (_ts(self._heard_at), {})
        self._miss(until)

    def begin(self) -> None:
        """Let `run` go on: the app knows who it is."""
        self._begun.set()

    async def run(self, hear: Hear, is_connected: Callable[[], bool]) -> None:
        """Fill the gaps that there are and those that come, the liveliest conversation first."""
        await self._begun.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(is_connected))
            while True:
                await self._is_deaf.wait()
                self._is_deaf.clear()
                if self._deaf_since is not None:
                    await self._find(self._deaf_since)
                await self._fill_all(hear)

    async def _watch(self, is_connected: Callable[[], bool]) -> None:
        """Notice when nothing could be heard for long; note how far everything was heard."""
        noted_at = self._heard_at
        while True:
            now = self._clock.now()
            if is_connected():
                if (now - self._heard_at).total_seconds() > self._options.repeats_seconds:
                    self._miss(_ts(self._heard_at - _MARGIN))
                self._heard_at = now
                if now - noted_at >= _NOTE_EVERY:
                    noted_at = now
                    await self._note()
            await asyncio.sleep(self._options.watch_seconds)

    def _miss(self, since: str) -> None:
        earliest = min(self._deaf_since or since, since, key=moment_of)
        self._deaf_since = earliest
        self._is_deaf.set()

    async def _note(self) -> None:
        if self._deaf_since is not None:
            return
        left = {str(place.id): after for place, after in {**self._left, **self._failed}.items()}
        text = _NOTED.dump_json(_Noted(_ts(self._heard_at - _MARGIN), left)).decode()
        try:
            await self._store.notes.put(_SUBJECT, _NOTE, text)
        except StoreUnavailable as error:
            self._tell("", error)

    async def _find(self, since: str) -> None:
        """Look for what may have been missed since then, and note it."""
        begun = self._clock.now()
        try:
            newest = await self._newest()
        except PosternError as error:
            self._tell("", error)
            return
        oldest = _ts(begun - LONGEST)
        gaps = gaps_of(newest, oldest, since, {**self._left, **self._failed})
        self._left, self._failed = {gap.conversation: gap.after for gap in gaps}, {}
        self._heard_at = max(self._heard_at, begun)
        if self._deaf_since == since:
            self._deaf_since = None
        await self._note()

    async def _newest(self) -> list[tuple[Conversation, str]]:
        """Return what is known of direct messages, read page by page: nobody waits for it."""
        history = self._store.history
        newest: list[tuple[Conversation, str]] = []
        place: ConversationId | None = None
        while True:
            page = await _persist(
                lambda _, place=place: history.newest_events("slack", place, _PAGE)
            )
            newest += (each for each in page if each[0].is_direct)
            if len(page) < _PAGE:
                return newest
            place = page[-1][0].id

    async def _fill_all(self, hear: Hear) -> None:
        while self._left and not self._is_deaf.is_set():
            place, after = next(iter(self._left.items()))
            try:
                await self._fill(Gap(place, after), hear)
            except PosternError as error:
                self._failed[place] = after
                self._tell(place.id, error)
            except Exception:  # the loop's edge: live events are heard whatever history holds
                log.exception("gap_bug", extra={"conversation": place.id})
            del self._left[place]
            await asyncio.sleep(self._pause)

    async def _fill(self, gap: Gap, hear: Hear) -> None:
        found = missed(await self._messages(gap), gap.after)
        if not found:
            return
        place = gap.conversation
        person = await self._store.people.last_sender(place.id)
        if person is None:
            return
        for message in found:
            if message.get("user") == person.identity.user:
                body = event_of(message, place, person.identity)
                # Those behind one that was not stored stay out too: the next start begins there.
                await _persist(lambda tries, body=body: hear(body, tries))
        log.info("gap_filled", extra={"conversation": place.id, "messages": len(found)})

    async def _messages(self, gap: Gap) -> list[Json]:
        """Return what history holds: of threads the oldest, of all else the newest."""
        place = gap.conversation
        method = "conversations.history"
        args: dict[str, object] = {
            "channel": place.channel,
            "oldest": gap.after,
            "limit": MOST_MESSAGES,
        }
        if place.thread is not None:
            method, args["ts"] = _BY_THREAD, place.thread
        found: list[Json] = []
        while True:
            answer = await _persist(lambda _: self._calls.read(place.workspace, method, args))
            page = answered(MessagePage, method, answer)
            found += page.messages
            cursor = page.response_metadata.next_cursor
            if not cursor or not page.messages or len(found) >= MOST_MESSAGES:
                return found[:MOST_MESSAGES]
            args["cursor"] = cursor
            await asyncio.sleep(self._pause)

    def _tell(self, conversation: str, error: PosternError) -> None:
        reason = error.code if isinstance(error, SlackRefused) else type(error).__name__
        if reason not in self._told:
            self._told.add(reason)
            told = {"conversation": conversation, "error": str(error)}
            log.warning("gap_not_filled", extra=told)


def read_note(text: str | None) -> tuple[str, dict[Conversation, str]] | None:
    """Return until when all was heard, and the gaps that are left; None for no such note. Pure."""
    if text is None:
        return None
    try:
        noted = _NOTED.validate_json(text)
        return noted.until, {Conversation.parse(place): ts for place, ts in noted.left.items()}
    except ValueError:  # pydantic's are some too
        return None


def gaps_of(
    newest: Iterable[tuple[Conversation, str]],
    oldest: str,
    since: str = "inf",
    left: Mapping[Conversation, str] = MappingProxyType({}),
) -> list[Gap]:
    """Return where to look, the liveliest first. Pure.

    Everything was heard up to `since`, but for the gaps that are left: what is known from
    later on proves nothing of what was before it. Only in direct messages: what was said
    in a channel is nobody's but who mentioned the app. Of their threads, only in those
    that people have written in since `oldest`.
    """
    known = [(place, event.rpartition(":")[2]) for place, event in newest if place.is_direct]
    fresh = [
        Gap(place, max(min(ts, since, left.get(place, ts), key=moment_of), oldest, key=moment_of))
        for place, ts in sorted(known, key=lambda item: -moment_of(item[1]))
        if place.thread is None or moment_of(ts) > moment_of(oldest)
    ]
    return fresh[:MOST_CONVERSATIONS]


def missed(found: Iterable[Json], after: str) -> list[Json]:
    """Return what came after this `ts`, in order. Pure.

    The first message of a thread is always among its replies.
    """
    dated = [(moment_of(message.get("ts")), message) for message in found]
    late = [one for one in dated if one[0] > moment_of(after)]
    return [message for _, message in sorted(late, key=lambda one: one[0])]


def event_of(message: Json, place: Conversation, person: Identity) -> Json:
    """Return the event that Slack would have sent. Pure.

    In history a message that has replies is in its own thread; when it was sent it was in
    none. Nor does history say whose workspace somebody is of: in an organisation that is
    not where they write, but it is known of the one person who writes here.
    """
    event = {**message, "type": "message", "channel": place.channel, "channel_type": "im"}
    event["user_team"] = person.workspace
    if event.get("thread_ts") == event.get("ts"):
        event.pop("thread_ts", None)
    return {"type": "event_callback", "team_id": place.workspace, "event": event}


def moment_of(ts: object) -> float:
    """Return when this `ts` was; of what is none, the end of time, so that it is looked at."""
    try:
        return float(ts) if isinstance(ts, str) else math.inf
    except ValueError:
        return math.inf


def _ts(moment: datetime) -> str:
    """Return the `ts` of what is sent at this moment."""
    return f"{moment.timestamp():.6f}"


async def _persist(act: Callable[[int], Awaitable[T]]) -> T:
    """Return what `act` returns, which is told how often it was tried before.

    Raises RetryLater when its last try did.
    """
    for tries, wait in enumerate(_WAITS_SECONDS):
        try:
            return await act(tries)
        except RetryLater as error:
            await asyncio.sleep(max(wait, error.retry_after_seconds or 0.0))
    return await act(len(_WAITS_SECONDS))
