"""Receives Web API calls: arguments, faults, token, scopes and limits first, then the method."""

import asyncio
import json
from base64 import b64decode
from binascii import Error as Base64Error

from aiohttp import web

from tests.platforms.slack_server.cuts import cut
from tests.platforms.slack_server.faults import CallFault
from tests.platforms.slack_server.installations import Token
from tests.platforms.slack_server.interactions import Interactions
from tests.platforms.slack_server.refusals import RateLimited, Refused
from tests.platforms.slack_server.shapes import Json, is_object
from tests.platforms.slack_server.socket_mode import Sockets
from tests.platforms.slack_server.web_api import (
    apps,
    assistant,
    chat,
    conversations,
    files,
    people,
    streams,
    views,
)
from tests.platforms.slack_server.web_api.call import Call, Method, Methods
from tests.platforms.slack_server.world import ApiCall, World

METHODS: Methods = {
    **apps.METHODS,
    **assistant.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **people.METHODS,
    **streams.METHODS,
    **views.METHODS,
}
# Arguments that are JSON texts in forms (and may be in JSON bodies), with what Slack says when
# they do not parse.
_JSON_ARGUMENTS = {
    "blocks": "invalid_blocks_format",
    "attachments": "invalid_attachments",
    "metadata": "invalid_metadata_format",
    "chunks": "invalid_chunks",
    "view": "invalid_arguments",
    "files": "invalid_arguments",
    "prompts": "invalid_arguments",
    "loading_messages": "invalid_arguments",
}


class WebApi:
    """`POST /api/{method}` with a JSON body, a form, or (as some clients do) the query."""

    def __init__(self, world: World, interactions: Interactions, sockets: Sockets) -> None:
        self._world = world
        self._interactions = interactions
        self._sockets = sockets

    async def handle(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        try:
            args = await _read_args(request)
        except Refused as refusal:
            return self._answer(name, {}, None, refusal)
        text = _token_text(request, args)
        fault = self._world.faults.take_for_call(name, args)
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault is not None and fault.kind != "lose_reply":
            return self._fail(request, name, args, fault)
        response = self._carry_out(name, args, text)
        if fault is not None and fault.kind == "lose_reply":
            return cut(request)
        return response

    def _fail(self, request: web.Request, name: str, args: Json, fault: CallFault) -> web.Response:
        match fault.kind:
            case "ratelimited":
                return self._answer(name, args, None, RateLimited(int(fault.seconds)))
            case "refuse":
                return self._answer(name, args, None, Refused(fault.code))
            case "answer":
                self._log(name, args, None, "answer")
                return _json_response(fault.body, None)
            case "status":
                self._log(name, args, None, f"status {fault.status}")
                return web.Response(status=fault.status, text="upstream error")
            case _:
                self._log(name, args, None, fault.kind)
                return cut(request)

    def _carry_out(self, name: str, args: Json, token_text: str | None) -> web.Response:
        token: Token | None = None
        try:
            method = _method(name)
            token = self._authenticate(method, token_text)
            if self._world.settings.rate_limits:
                team = token.workspace.id if token else ""
                self._world.limits.count(
                    name, team, str(args.get("channel", "")), self._world.now()
                )
            _parse_json_arguments(args)
            body = method.handle(Call(self._world, self._interactions, self._sockets, args, token))
        except Refused as refusal:
            return self._answer(name, args, token, refusal)
        self._log(name, args, token, "ok")
        return _json_response(body, token)

    def _authenticate(self, method: Method, token_text: str | None) -> Token | None:
        if method.auth == "client":
            return None
        if method.auth == "app":
            apps.check_app_token(token_text, self._world.app.app_token)
            return None
        token = self._world.installations.authenticate(token_text, self._world.now())
        if method.scopes and not token.scopes & set(method.scopes):
            raise Refused(
                "missing_scope", needed=method.scopes[0], provided=",".join(sorted(token.scopes))
            )
        return token

    def _answer(self, name: str, args: Json, token: Token | None, refusal: Refused) -> web.Response:
        self._log(name, args, token, refusal.code)
        response = _json_response(refusal.body(), token)
        if isinstance(refusal, RateLimited):
            response.set_status(429)
            response.headers["Retry-After"] = str(refusal.retry_after_seconds)
        return response

    def _log(self, name: str, args: Json, token: Token | None, outcome: str) -> None:
        team = token.workspace.id if token else None
        self._world.calls.append(ApiCall(name, args, team, outcome, self._world.now()))
        self._world.pulse.beat()


def _method(name: str) -> Method:
    if name not in METHODS:
        raise Refused("unknown_method", req_method=name)
    return METHODS[name]


async def _read_args(request: web.Request) -> Json:
    args: Json = dict(request.query)
    if request.method == "GET" or not request.can_read_body:
        return args
    if request.content_type == "application/json":
        try:
            body: object = json.loads(await request.read() or b"{}")
        except ValueError as error:
            raise Refused("invalid_json") from error
        if not is_object(body):
            raise Refused("json_not_object")
        return args | body
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        return args | {name: value for name, value in form.items() if isinstance(value, str)}
    raise Refused("invalid_post_type")


def _token_text(request: web.Request, args: Json) -> str | None:
    """The bearer token, or the one in a form; basic authentication holds the client's secret."""
    kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if kind == "Basic":
        try:
            client_id, _, secret = b64decode(credentials).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            return None
        args.update(client_id=client_id, client_secret=secret)
    in_form = None if request.content_type == "application/json" else args.pop("token", None)
    return credentials if kind == "Bearer" else in_form


def _parse_json_arguments(args: Json) -> None:
    for name, code in _JSON_ARGUMENTS.items():
        if not isinstance(args.get(name), str):
            continue
        try:
            args[name] = json.loads(args[name])
        except ValueError as error:
            raise Refused(code) from error


def _json_response(body: Json, token: Token | None) -> web.Response:
    response = web.Response(
        body=json.dumps(body).encode(), content_type="application/json", charset="utf-8"
    )
    if token is not None:
        response.headers["X-OAuth-Scopes"] = ",".join(sorted(token.scopes))
    return response
