"""Answers that people watch growing: native streams where Slack has them, else edited posts.

A stream only grows, dies when nothing is appended for a while, and can not be
marked as ours before it stops. So it shows drafts alone: the final text is a
chat.update of the whole message, whatever became of the stream.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from adapters.slack.answers import Posted
from adapters.slack.calls import SlackCalls
from adapters.slack.failures import SlackRefused
from adapters.slack.outbound import own_message, post_args, stream_text, update_args
from adapters.slack.pace import Pace
from adapters.slack.recent import Recent
from adapters.slack.web_api import answered
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import ConversationId, DeliveryId, PlatformMessageId
from gateway.errors import DeliveryRefused, PosternError, RateLimited, RetryLater

log = logging.getLogger(__name__)

_ENDED = "message_not_in_streaming_state"
STILL_STREAMING = "streaming_state_conflict"
LATER_SECONDS = 1.0


@dataclass(slots=True)
class _Stream:
    """A native stream as far as we know it."""

    shown: str
    """All that was surely appended."""
    is_open: bool = True
    is_certain: bool = True
    """False once an append may or may not have arrived: then nothing more is appended."""


class DraftPosts:
    """Begins drafts, lets them grow, and ends their streams."""

    def __init__(self, calls: SlackCalls, pace: Pace) -> None:
        self._calls = calls
        self._pace = pace
        self._streams: Recent[DeliveryId, _Stream] = Recent()
        self._listeners: Recent[ConversationId, str] = Recent()

    def heard(self, conversation: Conversation, user: str) -> None:
        """Remember who spoke last: in channels a stream is written for somebody."""
        self._listeners.put(conversation.id, user)

    async def begin(self, delivery: Delivery) -> PlatformMessageId:
        """Show the beginning of an answer.

        Raises RetryLater when the workspace has no room for another draft: the
        answer is then posted when it is whole.
        """
        recipient = self._recipient(delivery.conversation)
        if recipient is not None:
            started = await self._start(delivery, recipient)
            if started is not None:
                return started
        team = delivery.conversation.workspace
        if delivery.is_private or not self._may_call(team, "chat.postMessage"):
            raise RetryLater("There is no room for a draft.", retry_after_seconds=LATER_SECONDS)
        answer = await self._calls.write(team, "chat.postMessage", post_args(delivery))
        return PlatformMessageId(answered(Posted, "chat.postMessage", answer).ts)

    async def grow(self, delivery: Delivery, text: str) -> None:
        """Show how far the answer has come. A hint: never raises."""
        stream = self._streams.get(delivery.id)
        try:
            if stream is not None and stream.is_open:
                await self._append(delivery, stream, stream_text(text))
            elif self._may_call(delivery.conversation.workspace, "chat.update"):
                await self._update(delivery, text)
        except PosternError as error:
            log.info("draft_not_shown", extra={"delivery": delivery.id, "error": str(error)})

    async def end(self, delivery: Delivery) -> None:
        """Stop the stream of a sent draft, if it may be open, so that it can be updated."""
        stream = self._streams.get(delivery.id)
        if stream is not None and stream.is_open:
            await self.stop(delivery)

    async def stop(self, delivery: Delivery) -> None:
        """Stop the stream; one that has ended by itself is well too."""
        team = delivery.conversation.workspace
        try:
            await self._calls.write(team, "chat.stopStream", own_message(delivery))
        except SlackRefused as error:
            if error.code != _ENDED:
                raise
        self._streams.pop(delivery.id)

    def _recipient(self, conversation: Conversation) -> dict[str, str] | None:
        """Return for whom a stream is written; None where there can be none."""
        if conversation.thread is None:
            return None
        if conversation.channel.startswith("D"):
            return {}
        user = self._listeners.get(conversation.id)
        if user is None or conversation.workspace.startswith("E"):
            # Of somebody in an organisation that let the app into all of its teams, we do
            # not keep the team, which a stream has to name.
            return None
        return {"recipient_team_id": conversation.workspace, "recipient_user_id": user}

    async def _start(
        self, delivery: Delivery, recipient: dict[str, str]
    ) -> PlatformMessageId | None:
        """Start a stream; None when there can be none now, so that a post serves instead."""
        place = delivery.conversation
        if not self._may_call(place.workspace, "chat.startStream"):
            return None
        text = stream_text(delivery.text)
        args = {"channel": place.channel, "thread_ts": place.thread, "markdown_text": text}
        try:
            answer = await self._calls.write(
                place.workspace, "chat.startStream", {**args, **recipient}
            )
        except RateLimited as error:
            self._hold(place.workspace, "chat.startStream", error)
            return None
        except DeliveryRefused as error:
            log.info("stream_not_started", extra={"delivery": delivery.id, "error": str(error)})
            return None
        self._streams.put(delivery.id, _Stream(text))
        return PlatformMessageId(answered(Posted, "chat.startStream", answer).ts)

    async def _append(self, delivery: Delivery, stream: _Stream, text: str) -> None:
        if not stream.is_certain or not text.startswith(stream.shown):
            return
        added, team = text[len(stream.shown) :], delivery.conversation.workspace
        if not added or not self._may_call(team, "chat.appendStream"):
            return
        args = {**own_message(delivery), "markdown_text": added}
        stream.is_certain = False
        try:
            await self._calls.write(team, "chat.appendStream", args)
        except SlackRefused as error:
            stream.is_open = error.code != _ENDED
            raise
        except RateLimited as error:
            self._hold(team, "chat.appendStream", error)
            stream.is_certain = True
            raise
        stream.shown, stream.is_certain = text, True

    async def _update(self, delivery: Delivery, text: str) -> None:
        team = delivery.conversation.workspace
        try:
            await self._calls.write(team, "chat.update", update_args(delivery, text))
        except RateLimited as error:
            self._hold(team, "chat.update", error)
            raise

    def _may_call(self, team: str, method: str) -> bool:
        return self._pace.take(team, method, _now())

    def _hold(self, team: str, method: str, error: RateLimited) -> None:
        self._pace.hold(team, method, _now() + (error.retry_after_seconds or LATER_SECONDS))


def is_stream_of(message_text: str, delivery: Delivery) -> bool:
    """Whether a message without our mark may be the stream that this delivery began."""
    shown, meant = _letters(message_text), _letters(delivery.text)
    return bool(shown) and (meant.startswith(shown) or shown.startswith(meant))


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def _now() -> float:
    return asyncio.get_running_loop().time()
