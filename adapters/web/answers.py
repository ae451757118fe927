"""How the web door waits for an answer, and how it says that it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.web.guard import EVERY_HEADER, TurnedAway
from adapters.web.open_pages import OpenPages
from adapters.web.parts import WebParts
from gateway.domain.conversations import Conversation
from gateway.domain.messages import HistoryEntry, InboundMessage
from gateway.domain.people import Standing
from gateway.errors import Refused, RetryLater, StoreUnavailable

PAGES_PER_VISITOR = 20
PAGES_LIMIT = 2_000
"""Open pages over all visitors; each may hold up to `pages.CHARACTERS_LIMIT` characters."""
_NOT_HEARD = (
    "What you write here is not heard: the operator decides who may write, and has not listed you. "
    'Give them this line for access.allow in their settings: "{key}".'
)
LOOK_SECONDS = 1.0
"""How often the store is asked when nothing was heard: another process may have answered."""


class DoorRoute(APIRoute):
    """Says every refusal as `{"error": "<sentence>"}`. No cache keeps what one person reads."""

    def refused(self, error: Refused | RetryLater) -> Response:
        """Return the answer that says why not."""
        return refusal(error)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with its refusals made answers."""
        handle = super().get_route_handler()

        async def handle_or_refuse(request: Request) -> Response:
            try:
                response = await handle(request)
            except (Refused, RetryLater) as error:
                response = self.refused(error)
            response.headers.update(EVERY_HEADER)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return handle_or_refuse


def refusal(error: Refused | RetryLater) -> Response:
    """Return the answer that says why not."""
    response = JSONResponse({"error": str(error)}, status_of(error))
    if response.status_code == 503:
        response.headers["Retry-After"] = "2"
    return response


def status_of(error: Refused | RetryLater) -> int:
    """Return the HTTP code of a refusal."""
    return 503 if isinstance(error, RetryLater) else getattr(error, "status", 422)


def check_room(pages: OpenPages, place: Conversation) -> None:
    """Raise TurnedAway when so many look already that another one has to wait.

    Of one visitor all pages count: they can name as many conversations as they like.
    """
    if pages.count_by(place.channel) >= PAGES_PER_VISITOR:
        raise TurnedAway(429, "Too many pages of this chat are open. Close some of them.")
    if pages.count >= PAGES_LIMIT:
        raise TurnedAway(503, "Too many people are here at once. Try again in a moment.")


class Answers:
    """Waits for what an agent answers to one message."""

    def __init__(self, parts: WebParts, seconds: float) -> None:
        """Make what waits for so long."""
        self._adapter = parts.adapter
        self._history = parts.history
        self._standing_of = parts.standing_of
        self._seconds = seconds

    async def check_heard(self, message: InboundMessage) -> None:
        """Raise TurnedAway for whom the operator's rules keep out: no answer will come."""
        if await self._standing_of(message.sender, message.conversation) is Standing.UNLISTED:
            raise TurnedAway(403, _NOT_HEARD.format(key=message.sender.identity.key))

    async def to(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return the answer as soon as it is stored; None when it takes too long.

        Nor does anybody wait for it in a door that closes.
        """
        pages = self._adapter.pages
        with pages.watched(message.conversation.id) as ended:
            try:
                async with asyncio.timeout(self._seconds):
                    while (answer := await self.so_far(message)) is None and not pages.is_closed:
                        await _set_or(ended, LOOK_SECONDS)
            except TimeoutError:
                return None
        return answer

    async def so_far(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return the answer; None when there is none yet, or nobody can tell just now.

        The message is stored: a refusal here would make programs say it again.
        """
        try:
            return await self._history.answer(message)
        except StoreUnavailable:
            return None


async def _set_or(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
