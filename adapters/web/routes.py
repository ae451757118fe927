"""The HTTP routes of the web door: the page, and what it and others ask for.

Every error is `{"error": "<sentence>"}`. Rules of the door are in `guard.py`,
of what is sent in `inbound.py`, of the WebSocket in `stream.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from adapters.web.activity import ActivityDoor
from adapters.web.adapter import WebAdapter
from adapters.web.files import FileDoor
from adapters.web.guard import (
    EVERY_HEADER,
    PAGE_HEADERS,
    Guard,
    TurnedAway,
    WebOptions,
    read_body,
)
from adapters.web.inbound import (
    ChatBody,
    parse_after,
    parse_chat,
    parse_cursor,
    parse_key,
    parse_limit,
    parse_message,
    parse_query,
    parse_role,
    parse_user,
)
from adapters.web.outbound import chat_item, history_item
from adapters.web.sessions import COOKIE, COOKIE_SECONDS, Visitor, new_token, visitor_of
from adapters.web.stream import Seat, Stream
from gateway.domain.messages import HistoryEntry, InboundMessage
from gateway.domain.routing import Routing
from gateway.errors import Refused, RetryLater
from gateway.ports import HistoryStore

PAGES_PER_VISITOR = 20
PAGES_LIMIT = 2_000
"""Open pages over all visitors; each may hold up to `pages.CHARACTERS_LIMIT` characters."""
LOOK_SECONDS = 1.0
"""How often `/chat` asks the store when nothing was heard: another process may have answered."""

_STATIC = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def make_router(
    adapter: WebAdapter,
    history: HistoryStore,
    routing: Routing,
    options: WebOptions,
    files: FileDoor | None = None,
    activity: ActivityDoor | None = None,
) -> APIRouter:
    """Make the web door's routes. `routing` says which agents there are, and for whom."""
    door = _Door(adapter, history, routing, Guard(options), options.answer_seconds)
    door.files = files
    door.activity = activity
    router = APIRouter(route_class=_DoorRoute)
    router.add_api_route("/", door.page, methods=["GET"])
    router.add_api_route("/static/{name}", door.asset, methods=["GET"])
    router.add_api_route("/agents", door.agents, methods=["GET"])
    router.add_api_route("/chat", door.chat, methods=["POST"])
    router.add_api_route("/history/{agent_id:path}", door.read_history, methods=["GET"])
    router.add_api_route("/activity/{agent_id:path}", door.read_activity, methods=["GET"])
    router.add_api_route("/files/{delivery}/{index}", door.file, methods=["GET"])
    router.add_api_websocket_route("/stream/{agent_id:path}", door.stream)
    return router


class _DoorRoute(APIRoute):
    """Says every refusal as `{"error": "<sentence>"}`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_or_refuse(request: Request) -> Response:
            try:
                response = await handle(request)
            except (Refused, RetryLater) as error:
                response = _refusal(error)
            response.headers.update(EVERY_HEADER)
            return response

        return handle_or_refuse


def _refusal(error: Refused | RetryLater) -> Response:
    status = 503 if isinstance(error, RetryLater) else getattr(error, "status", 422)
    response = JSONResponse({"error": str(error)}, status)
    if status == 503:
        response.headers["Retry-After"] = "2"
    return response


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    kind: str
    tag: str


class _Door:
    """One method per route; each reads like the sentence that describes it."""

    def __init__(
        self,
        adapter: WebAdapter,
        history: HistoryStore,
        routing: Routing,
        guard: Guard,
        answer_seconds: float,
    ) -> None:
        self._adapter = adapter
        self._history = history
        self._routing = routing
        self._guard = guard
        self._answer_seconds = answer_seconds
        self.files: FileDoor | None = None
        self.activity: ActivityDoor | None = None
        self._assets = {path.name: _load(path) for path in _STATIC.iterdir()}

    async def page(self, request: Request) -> Response:
        """Give the page, and a browser that comes for the first time its cookie."""
        self._guard.check(request)
        response = self._asset("index.html", request)
        response.headers.update(PAGE_HEADERS)
        token = request.cookies.get(COOKIE)
        known = token if token is not None and visitor_of(token) else new_token()
        response.headers.append("Set-Cookie", self._cookie(known, request))
        return response

    async def asset(self, name: str, request: Request) -> Response:
        """Give a part of the page."""
        self._guard.check(request)
        return self._asset(name, request)

    async def agents(self, request: Request) -> Response:
        """List the agents and groups that who asks may talk to, the default one first."""
        self._guard.check(request)
        roles = self._open_to(self._reader(request))
        return JSONResponse([{"id": role, "name": role} for role in roles])

    async def chat(self, request: Request) -> Response:
        """Take one message and wait for its answer, as long as the options say.

        The same `Idempotency-Key` from the same user is the same message: it is
        stored once, and the answer comes again.
        """
        self._guard.check(request)
        body = parse_chat(await read_body(request))
        visitor, token = self._author(request, body)
        role = self._role(body.agent_id, visitor)
        key = _key_of(request)
        message = parse_message(
            body.message, visitor=visitor, role=role, key=key, now=self._adapter.clock.now()
        )
        await self._adapter.receive(message)
        response = _chat_response(role, key, await self._wait_for_answer(message))
        if token is not None:
            response.headers.append("Set-Cookie", self._cookie(token, request))
        return response

    async def read_history(self, agent_id: str, request: Request) -> Response:
        """Give a part of the visitor's conversation with this agent, oldest first."""
        self._guard.check(request)
        visitor = self._reader(request)
        role = self._role(agent_id, visitor)
        query = parse_query(request.query_params.get("before"), request.query_params.get("limit"))
        entries = await self._read(visitor, role, query.before, query.limit) if visitor else []
        messages = await asyncio.to_thread(lambda: [history_item(entry) for entry in entries])
        return JSONResponse({"agent_id": role, "messages": messages})

    async def read_activity(self, agent_id: str, request: Request) -> Response:
        """Give a part of what the visitor's agent did by itself, newest first."""
        self._guard.check(request)
        visitor = self._reader(request)
        role = self._role(agent_id, visitor)
        before = parse_cursor(request.query_params.get("before"))
        limit = parse_limit(request.query_params.get("limit"))
        if visitor is None or self.activity is None:
            return JSONResponse({"activity": [], "next": None})
        return JSONResponse(await self.activity.read(visitor, role, before, limit))

    async def file(self, delivery: str, index: int, request: Request) -> Response:
        """Give a file of an answer that the visitor sees."""
        self._guard.check(request)
        visitor = self._reader(request)
        if visitor is None or self.files is None:
            raise TurnedAway(404, "There is no such file here.")
        places = [visitor.conversation(role) for role in self._routing]
        return await self.files.fetch(delivery, index, places)

    async def stream(self, websocket: WebSocket) -> None:
        """Open the WebSocket of a page (`stream.py`), or deny it with a sentence."""
        try:
            seat, headers = self._seat(websocket)
        except Refused as error:
            await websocket.send_denial_response(_refusal(error))
            return
        await websocket.accept(headers=headers)
        await Stream(websocket, seat, self._adapter, self._history).run()

    # -- who, and which agent ------------------------------------------------------------------

    def _open_to(self, visitor: Visitor | None) -> list[str]:
        return self._routing.open_to(None if visitor is None else visitor.sender.identity)

    def _role(self, asked: str, visitor: Visitor | None) -> str:
        role = parse_role(asked)
        if role not in self._routing:
            known = ", ".join(f'"{name}"' for name in self._open_to(visitor))
            raise TurnedAway(404, f'There is no agent "{role}" here. There is {known}.')
        return role

    def _author(self, request: Request, body: ChatBody) -> tuple[Visitor, str | None]:
        """Return who speaks, with a new token for somebody without one."""
        if self._guard.is_admin(request):
            return parse_user("operator" if body.user_id is None else body.user_id), None
        if body.user_id is not None:
            raise TurnedAway(403, 'Only the admin token may speak for others: leave out "user_id".')
        return _visitor(request)

    def _reader(self, connection: HTTPConnection) -> Visitor | None:
        user = connection.query_params.get("user_id")
        if self._guard.is_admin(connection):
            return parse_user("operator" if user is None else user)
        if user is not None:
            raise TurnedAway(403, 'Only the admin token may read for others: leave out "user_id".')
        return visitor_of(connection.cookies.get(COOKIE))

    def _seat(self, websocket: WebSocket) -> tuple[Seat, list[tuple[bytes, bytes]]]:
        self._guard.check(websocket)
        visitor = self._reader(websocket)
        role = self._role(websocket.path_params["agent_id"], visitor)
        after = parse_after(websocket.query_params.get("after"))
        headers: list[tuple[bytes, bytes]] = []
        if visitor is None:
            visitor, token = _visitor(websocket)
            headers = [(b"set-cookie", self._cookie(token or "", websocket).encode())]
        seat = Seat(visitor, role, after, websocket.query_params.get("format") != "text")
        self._check_room(seat)
        return seat, headers

    def _check_room(self, seat: Seat) -> None:
        pages = self._adapter.pages
        if pages.count_of(seat.conversation.id) >= PAGES_PER_VISITOR:
            raise TurnedAway(429, "Too many pages of this chat are open. Close some of them.")
        if pages.count >= PAGES_LIMIT:
            raise TurnedAway(503, "Too many people are here at once. Try again in a moment.")

    def _cookie(self, token: str, connection: HTTPConnection) -> str:
        secure = "; Secure" if self._guard.is_secure(connection) else ""
        return (
            f"{COOKIE}={token}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Strict{secure}"
        )

    # -- what ----------------------------------------------------------------------------------

    async def _wait_for_answer(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Return the answer as soon as it is stored; None when it takes too long."""
        with self._adapter.pages.watched(message.conversation.id) as ended:
            try:
                async with asyncio.timeout(self._answer_seconds):
                    while (answer := await self._history.answer(message)) is None:
                        await _set_or(ended, LOOK_SECONDS)
            except TimeoutError:
                return None
        return answer

    async def _read(
        self, visitor: Visitor, role: str, before: int | None, limit: int
    ) -> list[HistoryEntry]:
        conversation = visitor.conversation(role).id
        return await self._history.history(conversation, before, limit)

    def _asset(self, name: str, request: Request) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            raise TurnedAway(404, f'There is no "{name}" here.')
        headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, media_type=asset.kind, headers=headers)


def _visitor(connection: HTTPConnection) -> tuple[Visitor, str | None]:
    """Return whose cookie came, or a new visitor with the token to keep."""
    known = visitor_of(connection.cookies.get(COOKIE))
    if known is not None:
        return known, None
    token = new_token()
    visitor = visitor_of(token)
    assert visitor is not None, "a drawn token is a token"  # noqa: S101
    return visitor, token


def _key_of(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    return str(uuid.uuid4()) if key is None else parse_key(key, "Idempotency-Key")


def _chat_response(role: str, key: str, answer: list[HistoryEntry] | None) -> Response:
    headers = {"Idempotency-Key": key}
    if answer is not None:
        messages = [chat_item(entry) for entry in answer]
        return JSONResponse({"messages": messages, "agent_id": role}, headers=headers)
    later: dict[str, object] = {
        "messages": [],
        "agent_id": role,
        "poll": f"/history/{role}",
        "sentence": "The message is stored and the agent is still at work. Repeat the request "
        "with the same Idempotency-Key to wait on, or read the history.",
    }
    return JSONResponse(later, 202, headers)


async def _set_or(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()


def _load(path: Path) -> _Asset:
    body = path.read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:16]
    return _Asset(body, _KINDS[path.suffix], f'"{tag}"')
