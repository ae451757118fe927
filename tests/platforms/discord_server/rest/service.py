"""The aiohttp edge of REST: reads requests, applies trouble and limits, writes answers."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import BodyPartReader, web

from tests.platforms.discord_server.errors import (
    Refusal,
    bad_field,
    method_not_allowed,
    not_found,
    refuse,
    unauthorized,
)
from tests.platforms.discord_server.faults import (
    CutBefore,
    Delay,
    Fail,
    Faults,
    Hold,
    LoseReply,
    TooMany,
)
from tests.platforms.discord_server.limits import Limits, Verdict, too_many
from tests.platforms.discord_server.requests import (
    Answer,
    Call,
    LoggedRequest,
    RequestLog,
    Route,
)
from tests.platforms.discord_server.state import Upload, World
from tests.platforms.discord_server.wire import Json

PREFIX = "/api/v10"
_PLACES = ("channel_id", "guild_id", "webhook_id")

Notify = Callable[[], None]


class RestService:
    """Serves routes over one aiohttp application."""

    def __init__(
        self, world: World, limits: Limits, faults: Faults, log: RequestLog, notify: Notify
    ) -> None:
        self._world = world
        self._limits = limits
        self._faults = faults
        self._log = log
        self._notify = notify

    def mount(self, app: web.Application, routes: list[Route], *, prefix: str = PREFIX) -> None:
        for route in routes:
            path = prefix + route.template
            app.router.add_route(route.method, path, self._serving(route, prefix))

    def mount_unknown(self, app: web.Application) -> None:
        """Answer every other path under the API with Discord's 404 or 405."""
        app.router.add_route("*", "/{rest:api/.*}", self._unknown)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        call = Call(request.method, request.path.removeprefix(PREFIX), {}, {}, None)
        entry = LoggedRequest(self._world.now(), call, "unknown")
        self._log.entries.append(entry)
        known = {resource.canonical for resource in request.app.router.resources()}
        refusal = method_not_allowed() if request.path in known else not_found()
        entry.status = refusal.status
        return _respond(Answer(refusal.status, refusal.body))

    def _serving(
        self, route: Route, prefix: str
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            entry = LoggedRequest(self._world.now(), _bare_call(request, prefix), route.name)
            self._log.entries.append(entry)
            try:
                entry.call = await self._read(request, prefix)
            except Refusal as refusal:
                return self._finish(entry, _refused(refusal))
            return await self._serve(request, route, entry)

        return serve

    async def _serve(
        self, request: web.Request, route: Route, entry: LoggedRequest
    ) -> web.StreamResponse:
        trouble = self._faults.take(entry.call)
        entry.trouble = None if trouble is None else type(trouble).__name__
        match trouble:
            case None:
                answer = self._carry_out(route, entry)
            case CutBefore():
                return self._cut(request)
            case LoseReply():
                self._carry_out(route, entry)
                return self._cut(request)
            case _:
                answer = await self._troubled(trouble, route, entry)
        return self._finish(entry, answer)

    async def _troubled(
        self, trouble: Fail | TooMany | Delay | Hold, route: Route, entry: LoggedRequest
    ) -> Answer:
        match trouble:
            case Fail(status, carried_out, code):
                if carried_out:
                    self._carry_out(route, entry)
                return Answer(status, {"message": f"{status}: Server Error", "code": code})
            case TooMany(wait, scope, from_discord):
                return _too_many_answer(too_many(wait, scope), from_discord=from_discord)
            case Delay(seconds):
                await asyncio.sleep(seconds)
                return self._carry_out(route, entry)
            case Hold(after=True):
                answer = self._carry_out(route, entry)
                await _held(trouble, self._notify)
                return answer
            case Hold():
                await _held(trouble, self._notify)
                return self._carry_out(route, entry)

    def _carry_out(self, route: Route, entry: LoggedRequest) -> Answer:
        """Check the token and the limits, then do what was asked."""
        call = entry.call
        verdict = self._limits.judge(
            route.name, _place(call), counts_globally=route.counts_globally
        )
        try:
            if route.needs_token and call.authorization != f"Bot {self._world.settings.token}":
                raise unauthorized()
            if self._limits.is_banned():
                return _too_many_answer(too_many(3600, "user"), from_discord=False)
            if verdict.refusal is not None:
                return _too_many_answer(verdict)
            answer = route.handler(call)
        except Refusal as refusal:
            answer = _refused(refusal)
        entry.carried_out = answer.status < 400
        answer.headers.update(verdict.headers)
        return answer

    def _finish(self, entry: LoggedRequest, answer: Answer) -> web.StreamResponse:
        entry.status, entry.body = answer.status, answer.body
        self._limits.note_answer(answer.status, answer.headers.get("X-RateLimit-Scope"))
        self._notify()
        return _respond(answer)

    def _cut(self, request: web.Request) -> web.StreamResponse:
        """Reset the connection: the client reads ECONNRESET instead of an answer."""
        self._notify()
        if request.transport is not None:
            reset_on_close(request.transport)
            request.transport.abort()
        return web.Response()

    async def _read(self, request: web.Request, prefix: str) -> Call:
        call = _bare_call(request, prefix)
        if not request.can_read_body:
            return call
        if request.content_type == "multipart/form-data":
            body, uploads = await self._read_multipart(request)
            return _with_body(call, body, uploads)
        raw = await request.read()
        if not raw:
            return call
        if request.content_type != "application/json":
            text = 'Expected "Content-Type" header to be one of {"application/json"}, got '
            raise bad_field(("_misc",), "CONTENT_TYPE_INVALID", text + request.content_type)
        return _with_body(call, _parse(raw), {})

    async def _read_multipart(self, request: web.Request) -> tuple[object, dict[int, Upload]]:
        body: object = {}
        uploads: dict[int, Upload] = {}
        left = self._world.settings.request_limit_bytes
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                continue
            data = await part.read()
            left -= len(data)
            if left < 0:
                raise refuse(40005)
            if part.name == "payload_json":
                body = _parse(bytes(data))
                continue
            uploads[_file_number(part.name)] = Upload(
                part.filename or part.name,
                bytes(data),
                part.headers.get("Content-Type", "application/octet-stream"),
            )
        return body, uploads


async def _held(hold: Hold, notify: Notify) -> None:
    hold.reached.set()
    notify()
    await hold.released.wait()


def reset_on_close(transport: asyncio.BaseTransport) -> None:
    """Make closing send RST instead of FIN, so that a client sees a broken connection."""
    found: socket.socket | None = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _bare_call(request: web.Request, prefix: str) -> Call:
    return Call(
        method=request.method,
        path=request.path.removeprefix(prefix),
        params=dict(request.match_info),
        query=dict(request.query),
        body={},
        authorization=request.headers.get("Authorization"),
    )


def _with_body(call: Call, body: object, uploads: dict[int, Upload]) -> Call:
    return Call(call.method, call.path, call.params, call.query, body, uploads, call.authorization)


def _parse(raw: bytes) -> object:
    try:
        parsed: object = json.loads(raw)
    except ValueError as error:
        raise refuse(50109) from error
    return parsed


def _file_number(name: str) -> int:
    number = name.removeprefix("files[").removesuffix("]")
    if not number.isdecimal():
        raise bad_field((name,), "UNKNOWN_FIELD", "Files are named files[0], files[1] …")
    return int(number)


def _place(call: Call) -> str:
    return "/".join(call.params[name] for name in _PLACES if name in call.params)


def _refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, refusal.body)


def _too_many_answer(verdict: Verdict, *, from_discord: bool = True) -> Answer:
    headers = dict(verdict.headers)
    if not from_discord:
        del headers["Via"]
    return Answer(429, verdict.refusal, headers=headers)


def _respond(answer: Answer) -> web.Response:
    headers = {**answer.headers}
    if answer.raw is not None:
        headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status, body=answer.raw, headers=headers)
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    # No charset: discord.py takes any other spelling of the type for text.
    headers["Content-Type"] = "application/json"
    return web.Response(status=answer.status, body=encode(answer.body), headers=headers)


def encode(body: Json | list[Json]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
