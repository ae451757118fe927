"""The WebSocket of a page: what happens, as it happens, and messages the other way.

Every frame is a JSON object. The page sends

    {"type": "message", "id": "<its own uuid>", "text": "…"}

and sends it again, with the same id, after a reconnect, until it reads
`accepted`: the id makes the event id, so that a message is stored once.
The server sends

    {"type": "hello", "cursor": 17, "gap": false}
        first; the end of history, to reconnect with as `?after=17`. With `gap`, more was
        missed than follows: drop what is shown, and read older entries from history.
    {"type": "message", "id", "role": "user" | "assistant", "text", "html", "cursor", "at"}
        a whole message: show it, or replace what is shown under its id. The cursor is null
        for one that just happened. With "buttons" [{label, says, style}] when there is something
        to press: a press sends a message that says it. With "files" [{name, url, bytes}]; of
        those that the page can draw, "picture" is true. With "canvas" true where the html is a
        canvas, which has the buttons in it.
    {"type": "draft", "id", "html"}         an answer grows; its message comes under the same id
    {"type": "removed", "id"}               take back what is shown under this id
    {"type": "typing", "on": true | false}  the agent is at work
    {"type": "accepted", "id", "message"}   the page's message is stored; `message`: its id there
    {"type": "error", "id", "text", "retry"}
        a sentence for the person. With an id, that message was not stored: with `retry` the
        same may be sent again later, else it will never be accepted.

With `?format=text` frames have `text` and no `html`, drafts too. With
`?after=<cursor>` the entries after it follow `hello`, and a few before it: an
answer keeps the place where it began to grow, which may lie before messages
that the page has. The server listens before it reads them, so that nothing
falls in between. What comes twice has the same id.
Close code 1013: the page was too slow, or the server stops; reconnect. 1009: the
frame was too long. 1008: the session is over, or the token was revoked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from adapters.web.adapter import WebAdapter
from adapters.web.entrance import Welcome
from adapters.web.guard import BODY_LIMIT_BYTES
from adapters.web.inbound import parse_frame, parse_key, parse_message
from adapters.web.outbound import (
    accepted_frame,
    error_frame,
    hello_frame,
    history_frame,
    typing_frame,
)
from adapters.web.pages import Frame, Page
from adapters.web.sessions import Visitor
from gateway.domain.conversations import Conversation
from gateway.domain.messages import HistoryEntry
from gateway.errors import BadInput, Refused, RetryLater
from gateway.ports import HistoryStore

MISSED_LIMIT = 200
"""Entries that a page which reconnects gets at once; what is older it asks for."""
OVERLAP = 10
"""Entries before the page's cursor that it gets again."""
SEND_SECONDS = 20.0
"""A socket that takes longer for one frame is given up."""

_TRY_AGAIN = 1013
_TOO_BIG = 1009
_NO_MORE = 1008


@dataclass(frozen=True, slots=True)
class Seat:
    """One page's place: whose it is, which agent it looks at, and from where on."""

    visitor: Visitor
    role: str
    after: int | None
    wants_html: bool
    welcome: Welcome
    """Whether they may stay."""

    @property
    def conversation(self) -> Conversation:
        """What the page shows."""
        return self.visitor.conversation(self.role)


class Stream:
    """Serves one socket until either side is gone, or may not go on."""

    def __init__(
        self, socket: WebSocket, seat: Seat, adapter: WebAdapter, history: HistoryStore
    ) -> None:
        self._socket = socket
        self._seat = seat
        self._adapter = adapter
        self._history = history

    async def run(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Accept the socket, listen, tell what was missed, then carry frames both ways."""
        conversation = self._seat.conversation.id
        # Its place is taken at once: many that come together are counted one by one.
        with self._adapter.pages.opened(conversation, wants_html=self._seat.wants_html) as page:
            try:
                await self._socket.accept(headers=headers)
                await self._greet()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._write(page))
                    await self._read(page)
            except* (WebSocketDisconnect, TimeoutError):
                pass
            except* RetryLater:
                await self._close(_TRY_AGAIN)
            except* Refused:
                await self._close(_NO_MORE)

    async def _greet(self) -> None:
        missed, end, has_gap = await self._missed()
        self._adapter.pages.begin(self._seat.conversation.id, end)
        await self._send(hello_frame(end, has_gap=has_gap))
        for entry in missed:
            frame = history_frame(entry)
            await self._send(frame.html if self._seat.wants_html else frame.plain)
        if self._adapter.pages.is_typing(self._seat.conversation.id):
            await self._send(typing_frame(is_on=True).html)

    async def _missed(self) -> tuple[list[HistoryEntry], int, bool]:
        after = self._seat.after
        limit = 1 if after is None else MISSED_LIMIT + OVERLAP
        newest = await self._history.history(self._seat.conversation.id, None, limit)
        end = newest[-1].cursor if newest else 0
        if after is None:
            return [], end, False
        count = sum(entry.cursor > after for entry in newest)
        return newest[-(count + OVERLAP) :], end, count > MISSED_LIMIT

    async def _write(self, page: Page) -> None:
        """Send what happens; ends the stream when the page is to reconnect."""
        welcome = self._seat.welcome
        while not page.is_closed:
            await welcome.check()
            try:
                async with asyncio.timeout(welcome.seconds):
                    frame = await page.take()
            except TimeoutError:
                continue
            if frame is not None:
                await self._send(frame)
        await self._close(_TRY_AGAIN)
        raise WebSocketDisconnect(_TRY_AGAIN)

    async def _read(self, page: Page) -> None:
        """Take the person's messages in; ends the stream when the person leaves.

        Raises Refused for who may not write as this person any more.
        """
        while True:
            event = await self._socket.receive()
            if event["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(event.get("code", 1005))
            text: str = event.get("text") or ""
            if len(text) > BODY_LIMIT_BYTES:
                await self._close(_TOO_BIG)
                raise WebSocketDisconnect(_TOO_BIG)
            await self._seat.welcome.check_at_once()
            answer = await self._answer(text)
            page.put(Frame(answer, answer))

    async def _answer(self, text: str) -> str:
        client_id: str | None = None
        try:
            frame = parse_frame(text)
            client_id = parse_key(frame.id, '"id"')
            message = parse_message(
                frame.text,
                visitor=self._seat.visitor,
                role=self._seat.role,
                key=client_id,
                now=self._adapter.clock.now(),
            )
            await self._adapter.receive(message)
        except BadInput as error:
            return error_frame(str(error), client_id)
        except RetryLater as error:
            return error_frame(str(error), client_id, may_retry=True)
        return accepted_frame(client_id, message.event_id)

    async def _send(self, frame: str) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_text(frame)

    async def _close(self, code: int) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.close(code)
