"""The HTTP routes of the web door: the page, and what it and others ask for.

Every error is `{"error": "<sentence>"}`. Rules of the door are in `guard.py`,
of what is sent in `inbound.py`, of the WebSocket in `stream.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from adapters.web.answers import Answers, DoorRoute, check_room, refusal
from adapters.web.completions import make_completions
from adapters.web.entrance import Entrance, Welcome, key_of
from adapters.web.events import make_events
from adapters.web.guard import PAGE_HEADERS, Guard, TurnedAway, read_body
from adapters.web.inbound import (
    parse_after,
    parse_chat,
    parse_code,
    parse_cursor,
    parse_limit,
    parse_message,
    parse_pairing,
    parse_query,
    parse_thread,
)
from adapters.web.outbound import chat_item, history_item
from adapters.web.pairings import PairingDoor
from adapters.web.parts import WebParts
from adapters.web.sessions import COOKIE, Visitor, new_token, visitor_of
from adapters.web.stream import Seat, Stream
from gateway.domain.messages import HistoryEntry
from gateway.errors import Refused

if TYPE_CHECKING:
    from adapters.web.sign_in import SignIn

_STATIC = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def make_router(parts: WebParts) -> APIRouter:
    """Make the web door's routes."""
    guard = Guard(parts.options)
    entrance = Entrance(guard, parts.routing, parts.tokens, parts.sign_in)
    door = _Door(parts, entrance)
    router = APIRouter(route_class=DoorRoute)
    router.add_api_route("/", door.page, methods=["GET"])
    router.add_api_route("/static/{name}", door.asset, methods=["GET"])
    router.add_api_route("/me", door.me, methods=["GET"])
    router.add_api_route("/agents", door.agents, methods=["GET"])
    router.add_api_route("/chat", door.chat, methods=["POST"])
    router.add_api_route("/history/{agent_id:path}", door.read_history, methods=["GET"])
    router.add_api_route("/activity/{agent_id:path}", door.read_activity, methods=["GET"])
    router.add_api_route("/files/{delivery}/{index}", door.file, methods=["GET"])
    router.add_api_route("/pairings", door.strangers, methods=["GET"])
    router.add_api_route("/pairings", door.let_in, methods=["POST"])
    router.add_api_route("/tokens", door.redeem, methods=["POST"])
    router.add_api_websocket_route("/stream/{agent_id:path}", door.stream)
    if parts.sign_in is not None:
        from adapters.web.sign_in_routes import add_sign_in

        add_sign_in(router, parts.sign_in, entrance, parts.options.public_url)
    router.include_router(make_completions(parts, entrance))
    router.include_router(make_events(parts, entrance))
    return router


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    kind: str
    tag: str


class _Door:
    """One method per route; each reads like the sentence that describes it."""

    def __init__(self, parts: WebParts, entrance: Entrance) -> None:
        self._adapter = parts.adapter
        self._history = parts.history
        self._entrance = entrance
        self._answers = Answers(parts, parts.options.answer_seconds)
        self._quiet_seconds = parts.options.quiet_seconds
        self._files = parts.files
        self._activity = parts.activity
        self._tokens = parts.tokens
        self._sign_in = parts.sign_in
        self._pairings = parts.pairings
        self._standing_of = parts.standing_of
        self._assets = {path.name: _load(path) for path in _STATIC.iterdir()}

    async def page(self, request: Request) -> Response:
        """Give the page, and a browser that comes for the first time its cookie."""
        self._entrance.check(request)
        if self._sign_in is not None:
            return self._page_for(self._sign_in, request)
        response = self._personal("index.html")
        token = request.cookies.get(COOKIE)
        known = token if token is not None and visitor_of(token) else new_token()
        response.headers.append("Set-Cookie", self._entrance.cookie(known, request))
        return response

    def _page_for(self, sign_in: SignIn, request: Request) -> Response:
        """Give the page, or what leads to the provider to who has to sign in."""
        is_known = sign_in.visitor(request.cookies.get(COOKIE)) is not None
        return self._personal("index.html" if is_known else "sign_in.html")

    def _personal(self, name: str) -> Response:
        """Return a page that no cache keeps: one person's cookie may come with it."""
        asset = self._assets[name]
        return Response(asset.body, media_type=asset.kind, headers=PAGE_HEADERS)

    async def me(self, request: Request) -> Response:
        """Tell who asks; a page asks it to know whether its session still holds."""
        self._entrance.check(request)
        visitor = await self._entrance.reader(request)
        has_session = self._sign_in is not None and visitor is not None
        shown: dict[str, object] = {
            "user": visitor.user if visitor else None,
            "name": visitor.name if visitor else "",
        }
        is_admin = self._pairings is not None and await self._pairings.is_admin(visitor)
        shown |= {"signed_in": has_session, "is_admin": is_admin}
        return JSONResponse({**shown, **await self._standing(visitor)})

    async def _standing(self, visitor: Visitor | None) -> dict[str, object]:
        """Tell whether the visitor is heard by the agent that the page shows first."""
        if visitor is None:
            return {"identity": None, "standing": None}
        roles = self._entrance.open_to(visitor)
        place = visitor.conversation(roles[0]) if roles else None
        standing = place and await self._standing_of(visitor.sender, place)
        return {"identity": visitor.sender.identity.key, "standing": standing}

    async def strangers(self, request: Request) -> Response:
        """List, for an admin, who waits to be let in."""
        self._entrance.check(request)
        visitor = await self._entrance.reader(request)
        return JSONResponse(await self._desk().waiting(visitor))

    async def let_in(self, request: Request) -> Response:
        """Decide, for an admin, about the stranger with a code."""
        self._entrance.check(request)
        visitor = await self._entrance.reader(request)
        body = parse_pairing(await read_body(request))
        decided = await self._desk().decide(visitor, body.code, is_allowed=body.allow)
        return JSONResponse(decided)

    def _desk(self) -> PairingDoor:
        if self._pairings is None:
            raise TurnedAway(404, "Nobody waits to be let in here.")
        return self._pairings

    async def asset(self, name: str, request: Request) -> Response:
        """Give a part of the page."""
        self._entrance.check(request)
        return self._asset(name, request)

    async def agents(self, request: Request) -> Response:
        """List the agents and groups that who asks may talk to, the default one first."""
        self._entrance.check(request)
        roles = self._entrance.open_to(await self._entrance.reader(request))
        return JSONResponse([{"id": role, "name": role} for role in roles])

    async def chat(self, request: Request) -> Response:
        """Take one message and wait for its answer, as long as the options say.

        The same `Idempotency-Key` from the same user is the same message: it is
        stored once, and the answer comes again.
        """
        self._entrance.check(request)
        body = parse_chat(await read_body(request))
        visitor, secret = await self._entrance.author(request, body.user_id)
        role = self._entrance.role(body.agent_id, visitor)
        key = key_of(request)
        message = parse_message(
            body.message, visitor=visitor, role=role, key=key, now=self._adapter.clock.now()
        )
        await self._adapter.receive(message)
        await self._answers.check_heard(message)
        response = _chat_response(role, key, await self._answers.to(message))
        if secret is not None:
            response.headers.append("Set-Cookie", self._entrance.cookie(secret, request))
        return response

    async def read_history(self, agent_id: str, request: Request) -> Response:
        """Give a part of the visitor's conversation with this agent, oldest first."""
        self._entrance.check(request)
        visitor = await self._entrance.reader(request)
        role = self._entrance.role(agent_id, visitor)
        query = parse_query(request.query_params.get("before"), request.query_params.get("limit"))
        thread = parse_thread(request.query_params.get("conversation"))
        entries: list[HistoryEntry] = []
        if visitor is not None:
            place = visitor.conversation(role, thread).id
            entries = await self._history.history(place, query.before, query.limit)
        messages = await asyncio.to_thread(lambda: [history_item(entry) for entry in entries])
        return JSONResponse({"agent_id": role, "messages": messages})

    async def read_activity(self, agent_id: str, request: Request) -> Response:
        """Give a part of what the visitor's agent did by itself, newest first."""
        self._entrance.check(request)
        visitor = await self._entrance.reader(request)
        role = self._entrance.role(agent_id, visitor)
        before = parse_cursor(request.query_params.get("before"))
        limit = parse_limit(request.query_params.get("limit"))
        if visitor is None or self._activity is None:
            return JSONResponse({"activity": [], "next": None})
        return JSONResponse(await self._activity.read(visitor, role, before, limit))

    async def file(self, delivery: str, index: int, request: Request) -> Response:
        """Give a file of an answer that the visitor sees."""
        self._entrance.check(request)
        visitor = await self._entrance.reader(request)
        if visitor is None or self._files is None:
            raise TurnedAway(404, "There is no such file here.")
        return await self._files.fetch(delivery, index, self._entrance.places(visitor))

    async def redeem(self, request: Request) -> Response:
        """Give the token for a code that `/token` showed, once."""
        self._entrance.check(request)
        body = parse_code(await read_body(request))
        if self._tokens is None:
            raise TurnedAway(404, "There are no tokens here.")
        token, secret = await self._tokens.redeem(body.code)
        shown = {"id": token.id, "label": token.label, "token": secret}
        return JSONResponse(shown, 201)

    async def stream(self, websocket: WebSocket) -> None:
        """Open the WebSocket of a page (`stream.py`), or deny it with a sentence."""
        try:
            seat, headers = await self._seat(websocket)
        except Refused as error:
            await websocket.send_denial_response(refusal(error))
            return
        await Stream(websocket, seat, self._adapter, self._history).run(headers)

    async def _seat(self, websocket: WebSocket) -> tuple[Seat, list[tuple[bytes, bytes]]]:
        self._entrance.check(websocket)
        visitor = await self._entrance.reader(websocket)
        role = self._entrance.role(websocket.path_params["agent_id"], visitor)
        after = parse_after(websocket.query_params.get("after"))
        headers: list[tuple[bytes, bytes]] = []
        if visitor is None:
            visitor, secret = await self._entrance.author(websocket, None)
            headers = [(b"set-cookie", self._entrance.cookie(secret or "", websocket).encode())]
        wants_html = websocket.query_params.get("format") != "text"
        welcome = Welcome(self._entrance, websocket, self._quiet_seconds)
        seat = Seat(visitor, role, after, wants_html, welcome)
        check_room(self._adapter.pages, seat.conversation)
        return seat, headers

    def _asset(self, name: str, request: Request) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            raise TurnedAway(404, f'There is no "{name}" here.')
        headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, media_type=asset.kind, headers=headers)


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


def _load(path: Path) -> _Asset:
    body = path.read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:16]
    return _Asset(body, _KINDS[path.suffix], f'"{tag}"')
