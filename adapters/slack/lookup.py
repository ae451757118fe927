"""Looks in a channel for what an earlier try may have posted there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from typing import Any

from adapters.slack.calls import SlackCalls
from adapters.slack.drafts import is_stream_of
from adapters.slack.failures import SlackRefused
from adapters.slack.options import Options
from adapters.slack.outbound import EVENT_TYPE
from adapters.slack.recent import Recent
from adapters.slack.uploads import carries_mark
from adapters.slack.workspaces import Workspaces
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import DeliveryId, PlatformMessageId
from gateway.errors import OutcomeUnknown, RetryLater

CLOCK_SKEW = timedelta(minutes=5)
"""Slack's clock may be so far from ours."""
PAGE = 200
PAGES_LIMIT = 20


class Lookup:
    """Finds a delivery by its id in the metadata of the channel's messages.

    A message with files takes no metadata: their names carry our mark. A stream has
    none before it stops: it is known by its text, among the app's own messages
    without a mark.
    """

    def __init__(self, calls: SlackCalls, workspaces: Workspaces, options: Options) -> None:
        self._calls = calls
        self._workspaces = workspaces
        self._lag = options.history_lag_seconds
        self._tried_at: Recent[DeliveryId, float] = Recent()

    def note_try(self, delivery: Delivery) -> None:
        """Remember when an outcome was not seen: until the lag has passed, absence says little."""
        self._tried_at.put(delivery.id, _now())

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Return the message's ts; None when it surely is not there.

        Raises RetryLater while Slack can not be asked, or the message may be there
        and not yet in the history, and OutcomeUnknown where the app may not look.
        """
        try:
            found = await self._look(delivery)
        except SlackRefused as error:
            if error.code != "thread_not_found":
                raise OutcomeUnknown(f"The channel can not be looked through: {error}") from error
            found = None
        if found is None:
            self._wait_for_history(delivery)
        self._tried_at.pop(delivery.id)
        return found

    def _wait_for_history(self, delivery: Delivery) -> None:
        tried_at = self._tried_at.get(delivery.id)
        if tried_at is None:
            tried_at = _now()
            self._tried_at.put(delivery.id, tried_at)
        rest = tried_at + self._lag - _now()
        if rest > 0:
            raise RetryLater("Slack's history may lag behind.", retry_after_seconds=rest)

    async def _look(self, delivery: Delivery) -> PlatformMessageId | None:
        workspace = await self._workspaces.find(delivery.conversation.workspace)
        async for message in self._messages(delivery):
            metadata: Mapping[str, Any] = message.get("metadata") or {}
            if carries_mark(message, delivery) or _is_of(metadata, delivery):
                return PlatformMessageId(str(message["ts"]))
            if metadata or message.get("files") or delivery.files:
                continue
            is_ours = workspace is not None and message.get("bot_id") == workspace.bot
            if is_ours and is_stream_of(str(message.get("text", "")), delivery):
                return PlatformMessageId(str(message["ts"]))
        return None

    async def _messages(self, delivery: Delivery) -> AsyncGenerator[Mapping[str, Any]]:
        """Yield what was posted in the conversation since the delivery was made."""
        place = delivery.conversation
        oldest = (delivery.created_at - CLOCK_SKEW).timestamp()
        args: dict[str, Any] = {
            "channel": place.channel,
            "oldest": f"{oldest:.6f}",
            "limit": PAGE,
            "include_all_metadata": "true",
        }
        method = "conversations.history"
        if place.thread is not None:
            method, args["ts"] = "conversations.replies", place.thread
        for _ in range(PAGES_LIMIT):
            page = await self._calls.read(place.workspace, method, args)
            for message in page["messages"]:
                yield message
            cursor = page.get("response_metadata", {}).get("next_cursor")
            if not cursor:
                return
            args["cursor"] = cursor
        raise OutcomeUnknown("Too much was said in the channel since to look through all of it.")


def _is_of(metadata: Mapping[str, Any], delivery: Delivery) -> bool:
    """Whether a message is this delivery's; those of older releases carry its id alone."""
    if metadata.get("event_type") != EVENT_TYPE:
        return False
    mark: Mapping[str, Any] = metadata.get("event_payload", {})
    return mark.get("delivery") == delivery.id and mark.get("nonce") in (None, delivery.nonce)


def _now() -> float:
    return asyncio.get_running_loop().time()
