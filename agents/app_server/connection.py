"""One WebSocket to the App Server: commands with their answers, and the events in between."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from agents.app_server.wire import Json, parse, text_at
from agents.letta import LettaOptions
from gateway.domain.ids import SessionId
from gateway.errors import RuntimeUnavailable

log = logging.getLogger(__name__)

_LARGEST_BYTES = 64 * 1024 * 1024
_ANSWER_SECONDS = 30.0

OnEvent = Callable[["Connection", Json], None]


class Connection:
    """An open connection. Whatever can not be sent or answered is RuntimeUnavailable."""

    def __init__(self, socket: ClientConnection, on_event: OnEvent) -> None:
        self._socket = socket
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._asked: dict[str, asyncio.Future[Json]] = {}
        self.subscribed: dict[SessionId, object] = {}
        """The conversations that are heard here, each with the tools that it was given."""

    async def ask(self, command: Json) -> Json:
        """Send a command and return its answer, whether it says yes or no."""
        number = f"postern-{next(self._numbers)}"
        answer = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self.tell({**command, "request_id": number})
                return await answer
        except TimeoutError:
            kind = text_at(command, "type")
            raise RuntimeUnavailable(f'The App Server does not answer "{kind}".') from None
        finally:
            del self._asked[number]

    async def tell(self, command: Json) -> None:
        """Send a command that has no answer."""
        try:
            await self._socket.send(json.dumps(command))
        except ConnectionClosed as error:
            raise _lost() from error

    async def listen(self) -> None:
        """Take in frames until the connection ends; then whoever waits for an answer is told."""
        try:
            async for message in self._socket:
                frame = parse(message)
                if frame is not None:
                    self._take(frame)
        except ConnectionClosed:
            pass  # an end without a proper goodbye is an end
        finally:
            for answer in self._asked.values():
                if not answer.done():
                    answer.set_exception(_lost())

    def _hear(self, frame: Json) -> None:
        try:
            self._on_event(self, frame)
        except Exception:  # the loop's edge: one odd frame never ends the connection of all
            log.exception("frame_not_understood", extra={"kind": text_at(frame, "type")})

    def _take(self, frame: Json) -> None:
        answer = self._asked.get(text_at(frame, "request_id"))
        if answer is None:
            self._hear(frame)
        elif not answer.done():
            answer.set_result(frame)


@asynccontextmanager
async def opened(options: LettaOptions, on_event: OnEvent) -> AsyncGenerator[Connection]:
    """Open a connection. Raises RuntimeUnavailable with the reason in words."""
    headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
    try:
        socket = await connect(
            address_of(options.base_url),
            additional_headers=headers,
            open_timeout=options.connect_seconds,
            max_size=_LARGEST_BYTES,
            proxy=None,
        )
    except InvalidStatus as error:
        raise _refused(error.response.status_code) from error
    except (OSError, TimeoutError, InvalidHandshake) as error:
        why = str(error) or "no answer"
        raise RuntimeUnavailable(f"The App Server can not be reached: {why}") from error
    async with socket:
        yield Connection(socket, on_event)


def address_of(base_url: str) -> str:
    """Return the WebSocket's address; the server has only one, `/ws`."""
    return f"{base_url.rstrip('/').removesuffix('/ws')}/ws"


def _refused(status: int) -> RuntimeUnavailable:
    if status in (401, 403):
        return RuntimeUnavailable(
            f"The App Server refuses to serve us (HTTP {status}). Check LETTA_API_KEY.",
            retry_after_seconds=60.0,
        )
    return RuntimeUnavailable(f"The App Server answered with HTTP {status}.")


def _lost() -> RuntimeUnavailable:
    return RuntimeUnavailable("The connection to the App Server ended.", retry_after_seconds=0.5)
