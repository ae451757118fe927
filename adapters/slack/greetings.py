"""Suggests what to ask where somebody opens a fresh conversation: hints, and nothing more."""

from __future__ import annotations

import asyncio
import logging

from adapters.slack.calls import SlackCalls
from adapters.slack.options import Options
from gateway.domain.conversations import Conversation
from gateway.errors import PosternError

log = logging.getLogger(__name__)

PROMPTS_LIMIT = 4
WAITING_LIMIT = 1_000


class Greetings:
    """Sets the suggested prompts (`assistant.threads.setSuggestedPrompts`), one place at a time."""

    def __init__(self, calls: SlackCalls, options: Options) -> None:
        self._calls = calls
        self._prompts = [{"title": p, "message": p} for p in options.prompts[:PROMPTS_LIMIT]]
        self._waiting: asyncio.Queue[Conversation] = asyncio.Queue(WAITING_LIMIT)

    def greet(self, place: Conversation) -> None:
        """Show the suggestions there soon; too many at once are left out."""
        if self._prompts and not self._waiting.full():
            self._waiting.put_nowait(place)

    async def run(self) -> None:
        """Greet until cancelled."""
        while True:
            place = await self._waiting.get()
            args = {"channel_id": place.channel, "prompts": self._prompts}
            if place.thread is not None:
                args["thread_ts"] = place.thread
            try:
                await self._calls.write(
                    place.workspace, "assistant.threads.setSuggestedPrompts", args
                )
            except PosternError as error:
                log.info("prompts_not_set", extra={"error": str(error)})
