"""Looks up what people said in a channel or thread before they spoke to the app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from adapters.slack.answers import MessagePage
from adapters.slack.calls import SlackCalls
from adapters.slack.catch_up import moment_of
from adapters.slack.decoding import decode
from adapters.slack.inbound import is_said, moment_of_ts
from adapters.slack.names import Names
from adapters.slack.options import Options
from adapters.slack.web_api import answered
from adapters.slack.wire import MessageBody
from gateway.domain.overheard import Overheard, Stretch
from gateway.domain.people import Identity, Sender
from gateway.errors import PosternError

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 5.0
_PAGE = 100
_MOST_PAGES = 3
"""Of a thread, whose replies Slack tells oldest first; of a channel one is enough."""
_LAST_SECONDS = 86_400.0
"""What is looked at of a thread in which nothing was heard yet: the newest of it must be there."""


class Earlier:
    """Looks into history. It needs the scopes to read the channel's history."""

    def __init__(self, calls: SlackCalls, options: Options) -> None:
        self._calls = calls
        self._admits = options.admits
        self._names = Names(calls, options)

    async def overheard(self, stretch: Stretch) -> Sequence[Overheard] | None:
        """Return what people said there, oldest first; None where it can not be told now."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._look(stretch)
        except (PosternError, TimeoutError, ValueError) as error:
            told = {"conversation": stretch.place.id, "error": str(error)}
            log.info("earlier_talk_not_told", extra=told)
            return None

    async def _look(self, stretch: Stretch) -> list[Overheard]:
        messages = sorted(await self._messages(stretch), key=lambda each: moment_of(each.ts))
        after = moment_of(stretch.after) if stretch.after else 0.0
        before = moment_of(stretch.before)
        said = [each for each in messages if after < moment_of(each.ts) < before and is_said(each)]
        heard = [each for each in said if each.text and await self._is_heard(each, stretch)]
        return [await self._overheard(each, stretch) for each in heard[-stretch.most :]]

    async def _is_heard(self, said: MessageBody, stretch: Stretch) -> bool:
        return await self._admits(Sender(_author(said, stretch), ""), stretch.place)

    async def _messages(self, stretch: Stretch) -> list[MessageBody]:
        place = stretch.place
        method, pages = "conversations.history", 1
        args: dict[str, object] = {
            "channel": place.channel,
            "latest": stretch.before,
            "oldest": stretch.after or "0",
            "limit": _PAGE,
        }
        if place.thread is not None:
            method, pages, args["ts"] = "conversations.replies", _MOST_PAGES, place.thread
            args["oldest"] = stretch.after or f"{moment_of(stretch.before) - _LAST_SECONDS:.6f}"
        found: list[MessageBody] = []
        for _ in range(pages):
            answer = await self._calls.read(place.workspace, method, args)
            page = answered(MessagePage, method, answer)
            found += [MessageBody.model_validate(each) for each in page.messages]
            cursor = page.response_metadata.next_cursor
            if not cursor:
                break
            args["cursor"] = cursor
        return found

    async def _overheard(self, said: MessageBody, stretch: Stretch) -> Overheard:
        team = stretch.place.workspace
        name = await self._names.name_of(_author(said, stretch), team)
        return Overheard(name, decode(said.text or "", None), moment_of_ts(said.ts))


def _author(said: MessageBody, stretch: Stretch) -> Identity:
    """Name the author by their own workspace; of members history does not always tell it."""
    team = said.user_team or said.source_team or stretch.place.workspace
    return Identity("slack", team, said.user or "")
