"""Fetches what people wrote in direct messages while nobody listened, and has it heard like events.

Slack sends an event again for about six minutes; after a longer outage only its history tells.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from adapters.slack.answers import MessagePage
from adapters.slack.calls import SlackCalls
from adapters.slack.failures import SlackRefused
from adapters.slack.options import Options
from adapters.slack.web_api import Json, answered
from gateway.domain.conversations import Conversation
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


@dataclass(frozen=True, slots=True)
class Gap:
    """What a conversation may hold that was not heard."""

    conversation: Conversation
    after: str
    """The `ts` of the last message that is known."""


class CatchUp:
    """Fills the gaps before a start, one call after the other, while live events are heard.

    A message that comes both ways has one id, and is stored once. What can not be
    fetched is logged once for each reason, and left alone until the next start.
    """

    def __init__(self, calls: SlackCalls, store: Store, clock: Clock, options: Options) -> None:
        self._calls = calls
        self._store = store
        self._clock = clock
        self._pause = options.catch_up_pause_seconds
        self._gaps: Sequence[Gap] = ()
        self._begun = asyncio.Event()
        self._told: set[str] = set()

    async def look(self) -> None:
        """Note what is known before anything new is heard: later the gaps can not be told."""
        try:
            newest = await self._store.history.newest_events("slack")
        except StoreUnavailable as error:
            self._tell("", error)
            return
        oldest = (self._clock.now() - LONGEST).timestamp()
        self._gaps = gaps_of(newest, f"{oldest:.6f}")

    def begin(self) -> None:
        """Let `run` go on: the app knows who it is."""
        self._begun.set()

    async def run(self, hear: Hear) -> None:
        """Fill the gaps that `look` saw, the liveliest conversation first."""
        await self._begun.wait()
        for gap in self._gaps:
            try:
                await self._fill(gap, hear)
            except PosternError as error:
                self._tell(gap.conversation.id, error)
            except Exception:  # the loop's edge: live events are heard whatever history holds
                log.exception("gap_bug", extra={"conversation": gap.conversation.id})
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


def gaps_of(newest: Iterable[tuple[Conversation, str]], oldest: str) -> list[Gap]:
    """Return where to look, the liveliest first. Pure.

    Only in direct messages: what was said in a channel is nobody's but who mentioned the app.
    Of their threads, only in those that people have written in since `oldest`.
    """
    known = [(place, event.rpartition(":")[2]) for place, event in newest if place.is_direct]
    fresh = [
        Gap(place, max(ts, oldest, key=moment_of))
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
