"""One gateway websocket: HELLO, compression, limits on what a client sends, closing."""

import asyncio
import json
import zlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from aiohttp import WSMsgType, web

from tests.platforms.discord_server.rest.service import reset_on_close
from tests.platforms.discord_server.settings import ServerSettings
from tests.platforms.discord_server.wire import Json, as_object

if TYPE_CHECKING:
    from tests.platforms.discord_server.gateway import Gateway, Session

_PAYLOAD_LIMIT = 4096
_COMMANDS_PER_MINUTE = 120


class GatewayClosed(Exception):
    """The client is due a close code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Gateway close code {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class ClosedBy:
    """How to end a connection: with a close code, or by a reset when there is none."""

    code: int | None


class Connection:
    """A websocket and its outbox; sending never blocks the sender."""

    def __init__(self, settings: ServerSettings, gateway: "Gateway") -> None:
        self._settings = settings
        self._gateway = gateway
        self._socket = web.WebSocketResponse(compress=False, autoping=True, max_msg_size=0)
        self._outbox: asyncio.Queue[str | ClosedBy] = asyncio.Queue()
        # Any: zlib gives the type of its compressor no public name.
        self._compressor: Any = None
        self._sent_at: deque[float] = deque(maxlen=_COMMANDS_PER_MINUTE)
        self._request: web.Request | None = None
        self.session: Session | None = None
        self.path = ""
        self.is_silent = False
        """What is sent does not arrive, and nobody is told: a zombie."""

    def send(self, frame: str) -> None:
        if not self.is_silent:
            self._outbox.put_nowait(frame)

    def send_op(self, op: int, data: object) -> None:
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def close(self, how: ClosedBy) -> None:
        """End the connection after what is already waiting has been sent."""
        self._outbox.put_nowait(how)

    async def run(self, request: web.Request) -> web.WebSocketResponse:
        """Serve until either side ends it."""
        self._request, self.path = request, request.path
        await self._socket.prepare(request)
        if request.query.get("compress") == "zlib-stream" and self._settings.compress:
            self._compressor = zlib.compressobj()
        self.send_op(10, {"heartbeat_interval": self._settings.heartbeat_interval_ms})
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(self._write())
            code = await self._read(request)
            writer.cancel()
        self._gateway.left(self, code)
        if not self._socket.closed:
            await self._socket.close()
        return self._socket

    async def _write(self) -> None:
        while True:
            item = await self._outbox.get()
            if isinstance(item, ClosedBy):
                await self._end(item)
                return
            try:
                await self._transmit(item)
            except ConnectionError:
                return

    async def _transmit(self, frame: str) -> None:
        if self._compressor is None:
            await self._socket.send_str(frame)
            return
        packed: bytes = self._compressor.compress(frame.encode())
        await self._socket.send_bytes(packed + self._compressor.flush(zlib.Z_SYNC_FLUSH))

    async def _end(self, how: ClosedBy) -> None:
        if how.code is not None:
            self._gateway.closes.append(how.code)
            await self._socket.close(code=how.code)
            return
        if self._request is not None and self._request.transport is not None:
            reset_on_close(self._request.transport)
            self._request.transport.abort()

    async def _read(self, request: web.Request) -> int | None:
        """Take payloads until the client leaves; give the close code it left with."""
        if request.query.get("v") != "10":
            self.close(ClosedBy(4012))
        patience = 2 * self._settings.heartbeat_interval_ms / 1000
        while True:
            try:
                message = await self._socket.receive(timeout=patience)
            except TimeoutError:
                self.close(ClosedBy(4009))
                continue
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._take(message.data)
                continue
            is_theirs = message.type is WSMsgType.CLOSE
            return cast(int, message.data) if is_theirs else None

    def _take(self, raw: str | bytes) -> None:
        try:
            payload = self._parsed(raw)
            self._gateway.receive(self, payload["op"], payload.get("d"))
        except GatewayClosed as closing:
            self.close(ClosedBy(closing.code))

    def _parsed(self, raw: str | bytes) -> Json:
        now = asyncio.get_running_loop().time()
        if len(self._sent_at) == _COMMANDS_PER_MINUTE and now - self._sent_at[0] < 60:
            raise GatewayClosed(4008)
        self._sent_at.append(now)
        if len(raw) > _PAYLOAD_LIMIT:
            raise GatewayClosed(4002)
        try:
            payload: object = json.loads(raw)
        except ValueError as error:
            raise GatewayClosed(4002) from error
        found = as_object(payload)
        if found is None or not isinstance(found.get("op"), int):
            raise GatewayClosed(4002)
        return found
