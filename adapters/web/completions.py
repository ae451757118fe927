"""`/v1`: agents for programs that speak to OpenAI's API, by the inbox and the outbox as every door.

A request is one message of the token's person. Which conversation it belongs to says a header, and
nothing else: not `user`, and not what the request repeats of earlier messages.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.web.answers import LOOK_SECONDS, Answers, DoorRoute, check_room, status_of
from adapters.web.completion_bodies import (
    DONE,
    Completion,
    Growth,
    error_body,
    event,
    models_body,
    parse_completion,
    text_of,
)
from adapters.web.entrance import Entrance, key_of
from adapters.web.event_stream import EventStream
from adapters.web.guard import read_body
from adapters.web.inbound import parse_message, parse_thread
from adapters.web.pages import Page
from adapters.web.parts import WebParts
from gateway.domain.messages import InboundMessage
from gateway.errors import Refused, RetryLater

CONVERSATION = "x-postern-conversation"
"""The header that names a conversation beside the person's main one."""

AT_WORK = ": at work\n\n"
"""A comment: no event."""

_LATE = (
    "The message is stored and the agent is still at work. Repeat the request with the same "
    "Idempotency-Key to wait on, or read the history."
)


def make_completions(parts: WebParts, entrance: Entrance) -> APIRouter:
    """Make the routes."""
    door = _CompletionDoor(parts, entrance)
    router = APIRouter(route_class=_CompletionRoute)
    router.add_api_route("/v1/models", door.models, methods=["GET"])
    router.add_api_route("/v1/chat/completions", door.complete, methods=["POST"])
    return router


class _CompletionRoute(DoorRoute):
    """Says every refusal as OpenAI's clients read it."""

    def refused(self, error: Refused | RetryLater) -> Response:
        return _refusal(str(error), status_of(error))


class _CompletionDoor:
    """One method per route."""

    def __init__(self, parts: WebParts, entrance: Entrance) -> None:
        self._adapter = parts.adapter
        self._history = parts.history
        self._entrance = entrance
        self._seconds = parts.options.completion_seconds
        self._quiet_seconds = parts.options.quiet_seconds
        self._answers = Answers(parts, self._seconds)

    async def models(self, request: Request) -> Response:
        """List the agents that the token's person may talk to."""
        self._entrance.check(request)
        visitor = await self._entrance.program(request)
        return JSONResponse(models_body(self._entrance.open_to(visitor)))

    async def complete(self, request: Request) -> Response:
        """Take the newest message and give its answer, whole or as it grows."""
        self._entrance.check(request)
        visitor = await self._entrance.program(request)
        asked = parse_completion(await read_body(request))
        role = self._entrance.role(asked.role, visitor)
        key = key_of(request)
        message = parse_message(
            asked.text,
            visitor=visitor,
            role=role,
            key=key,
            now=self._adapter.clock.now(),
            thread=parse_thread(request.headers.get(CONVERSATION)),
        )
        created = int(message.sent_at.timestamp())
        completion = Completion(f"chatcmpl-{key}", role, created)
        check_room(self._adapter.pages, message.conversation)
        await self._adapter.receive(message)
        await self._answers.check_heard(message)
        if asked.wants_stream:
            return EventStream(self._stream(message, completion))
        answer = await self._answers.to(message)
        if answer is None:
            # 504 would make clients repeat it by themselves, as another message.
            return _refusal(_LATE, 504, {"x-should-retry": "false"})
        return JSONResponse(completion.whole(text_of(answer)))

    async def _stream(self, message: InboundMessage, completion: Completion) -> AsyncGenerator[str]:
        yield completion.chunk({"role": "assistant", "content": ""})
        try:
            async with aclosing(self._grown(message)) as grown:
                async for more in grown:
                    yield completion.chunk({"content": more}) if more else AT_WORK
        except _TooLate:
            yield event(error_body(_LATE, 504))
        except RetryLater as error:
            yield event(error_body(str(error), 503))
        else:
            yield completion.chunk({}, "stop")
            yield DONE

    async def _grown(self, message: InboundMessage) -> AsyncGenerator[str]:
        """Yield what is new of the answer until it is whole; nothing now and then meanwhile.

        Raises _TooLate, and RetryLater.
        """
        loop, growth = asyncio.get_running_loop(), Growth()
        spoken_at = begun_at = loop.time()
        turn: str | None = None
        with self._adapter.pages.opened(message.conversation.id, wants_html=False) as page:
            while (answer := await self._answers.so_far(message)) is None:
                if loop.time() - begun_at >= self._seconds:
                    raise _TooLate
                frame = await _next(page)
                if turn is None and frame.get("type") == "draft":
                    turn = await self._history.turn_of(message)
                more = _grow(growth, frame, turn)
                if more or loop.time() - spoken_at >= self._quiet_seconds:
                    spoken_at = loop.time()
                    yield more
        if rest := growth.end(text_of(answer)):
            yield rest


class _TooLate(Exception):
    """The agent took longer than a stream waits."""


def _grow(growth: Growth, frame: dict[str, object], turn: str | None) -> str:
    """Take in a draft, if it is of this turn: others may talk in the same conversation."""
    delivery, text = frame.get("id"), frame.get("text")
    if frame.get("type") != "draft" or not isinstance(delivery, str) or not isinstance(text, str):
        return ""
    is_ours = turn is not None and delivery.startswith(f"{turn}.")
    return growth.grow(delivery, text) if is_ours else ""


async def _next(page: Page) -> dict[str, object]:
    """Return the next frame; an empty one after a while without any. Raises RetryLater."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            frame = await page.take()
    except TimeoutError:
        return {}
    if frame is None:
        raise RetryLater(
            "The stream was cut off. Repeat the request with the same Idempotency-Key."
        )
    return cast("dict[str, object]", json.loads(frame))  # it is one of ours


def _refusal(sentence: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(error_body(sentence, status), status, headers)
