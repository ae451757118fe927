"""Sentences for one person alone, beside the conversation: why something was not taken."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from adapters.slack.calls import SlackCalls
from adapters.slack.failures import SlackRefused
from adapters.slack.handles import Handle
from adapters.slack.interactions import Asker
from adapters.slack.response_urls import ResponseUrls
from gateway.errors import PosternError
from gateway.ports import Clock
from gateway.text.mrkdwn import escape_mrkdwn

log = logging.getLogger(__name__)

WAITING_LIMIT = 1_000
_FRESH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Aside:
    asker: Asker
    sentence: str


class Asides:
    """Tells people, one after the other. Best effort: nothing is stored, nobody waits."""

    def __init__(self, calls: SlackCalls, response_urls: ResponseUrls, clock: Clock) -> None:
        self._calls = calls
        self._response_urls = response_urls
        self._clock = clock
        self._waiting: asyncio.Queue[_Aside] = asyncio.Queue(WAITING_LIMIT)

    def tell(self, asker: Asker, sentence: str) -> None:
        """Tell them soon; of too many at once some are left out."""
        if not self._waiting.full():
            self._waiting.put_nowait(_Aside(asker, sentence))

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            aside = await self._waiting.get()
            try:
                await self._tell(aside.asker, escape_mrkdwn(aside.sentence))
            except PosternError as error:
                log.info("aside_not_told", extra={"error": str(error)})

    async def _tell(self, asker: Asker, text: str) -> None:
        if asker.url:
            handle = Handle(asker.url, asker.user, self._clock.now() + _FRESH)
            body = {"response_type": "ephemeral", "replace_original": False, "text": text}
            await self._response_urls.post(handle, body)
            return
        if asker.channel is None or not await self._is_shown(asker, asker.channel, text):
            message = {"channel": asker.user, "text": text}
            await self._calls.write(asker.team, "chat.postMessage", message)

    async def _is_shown(self, asker: Asker, channel: str, text: str) -> bool:
        """Show it in the channel; False where the app, or its person, is not a member."""
        args = {"channel": channel, "user": asker.user, "text": text}
        thread = {} if asker.thread is None else {"thread_ts": asker.thread}
        try:
            await self._calls.write(asker.team, "chat.postEphemeral", {**args, **thread})
        except SlackRefused:
            return False
        return True
