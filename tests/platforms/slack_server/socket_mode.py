"""Socket Mode: connections by single-use tickets, envelopes with acknowledgements, disconnects.

Protocol: docs.slack.dev/apis/events-api/using-socket-mode. Every envelope goes to one connection,
in turns.
"""

import asyncio
import json
from dataclasses import dataclass, field
from itertools import count

from aiohttp import WSMsgType, web

from tests.platforms.slack_server.shapes import Json, is_object
from tests.platforms.slack_server.world import World


@dataclass(slots=True)
class Connection:
    """One WebSocket of the app, with the envelopes that it has not acknowledged yet."""

    request: web.Request
    socket: web.WebSocketResponse
    is_draining: bool = False
    waiting: dict[str, "asyncio.Future[Json]"] = field(
        default_factory=dict[str, "asyncio.Future[Json]"]
    )


class Sockets:
    """All Socket Mode connections of the app."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tickets: set[str] = set()
        self._numbers = count(1)
        self.connections: list[Connection] = []
        self.opened = 0  # connections ever made

    def new_url(self) -> str:
        """A WebSocket URL that works once (apps.connections.open)."""
        ticket = f"ticket-{next(self._numbers)}"
        self._tickets.add(ticket)
        host = self._world.base_url.replace("http", "ws", 1)
        return f"{host}/link/?ticket={ticket}&app_id={self._world.app.id}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until either side closes it."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=408, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        if len(self.connections) >= self._world.settings.max_connections:
            await socket.send_json(_disconnect("too_many_websockets"))
            await socket.close()
            return socket
        connection = Connection(request, socket)
        self.connections.append(connection)
        self.opened += 1
        try:
            await self._greet(connection)
            await self._listen(connection)
        finally:
            self._forget(connection)
        return socket

    async def _greet(self, connection: Connection) -> None:
        debug: Json = {
            "host": "applink-1",
            "build_number": 1,
            "approximate_connection_time": 18_060,
        }
        hello: Json = {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": debug,
        }
        await connection.socket.send_json(
            {**hello, "connection_info": {"app_id": self._world.app.id}}
        )
        self._world.pulse.beat()

    async def _listen(self, connection: Connection) -> None:
        async for frame in connection.socket:
            if frame.type is not WSMsgType.TEXT or not frame.data.startswith("{"):
                continue
            answer: object = json.loads(frame.data)
            if not is_object(answer):
                continue
            future = connection.waiting.pop(str(answer.get("envelope_id")), None)
            if future is not None and not future.done():
                payload = answer.get("payload")
                future.set_result(payload if is_object(payload) else {})

    def _forget(self, connection: Connection) -> None:
        self.connections.remove(connection)
        for future in connection.waiting.values():
            if not future.done():
                future.set_exception(
                    ConnectionResetError("the connection closed before the acknowledgement")
                )
        self._world.pulse.beat()

    async def send(
        self,
        kind: str,
        payload: Json,
        *,
        retry_attempt: int | None = None,
        retry_reason: str | None = None,
    ) -> Json:
        """Hand one envelope to one connection; what was answered with the acknowledgement.

        TimeoutError without one in time, ConnectionError when nobody is connected or the
        connection breaks.
        """
        connection = self._next_connection()
        envelope_id = f"envelope-{next(self._numbers)}"
        envelope: Json = {"envelope_id": envelope_id, "type": kind, "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if retry_attempt is not None:
            envelope |= {"retry_attempt": retry_attempt, "retry_reason": retry_reason or ""}
        future = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = future
        try:
            await connection.socket.send_json(envelope)
            async with asyncio.timeout(self._world.settings.ack_timeout_seconds):
                return await future
        finally:
            connection.waiting.pop(envelope_id, None)

    def _next_connection(self) -> Connection:
        for index, connection in enumerate(self.connections):
            if not connection.is_draining and not connection.socket.closed:
                self.connections.append(self.connections.pop(index))
                return connection
        raise ConnectionRefusedError("the app has no Socket Mode connection")

    async def warn(self) -> None:
        """Announce that every connection will be closed in about ten seconds; nothing is closed."""
        for connection in list(self.connections):
            await connection.socket.send_json(_disconnect("warning"))

    async def refresh(self) -> None:
        """Ask for replacements. No new envelopes go to the old ones; the app closes them."""
        for connection in list(self.connections):
            connection.is_draining = True
            await connection.socket.send_json(_disconnect("refresh_requested"))

    async def disable(self) -> None:
        """Socket Mode was switched off: say so and close."""
        for connection in list(self.connections):
            await connection.socket.send_json(_disconnect("link_disabled"))
            await connection.socket.close()

    async def close(self) -> None:
        """Close every connection politely."""
        for connection in list(self.connections):
            await connection.socket.close()

    def cut(self) -> None:
        """Drop every connection without a word."""
        for connection in list(self.connections):
            connection.is_draining = True
            if connection.request.transport is not None:
                connection.request.transport.abort()


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
