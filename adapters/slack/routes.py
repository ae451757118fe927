"""`POST /slack/events`: events, slash commands and interactions, verified before they are read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.slack.adapter import SlackAdapter
from gateway.domain.handed import was_verified
from gateway.errors import SettingsWrong

log = logging.getLogger(__name__)

_READ = frozenset(
    {
        b"content-type",
        b"x-slack-request-timestamp",
        b"x-slack-retry-num",
        b"x-slack-signature",
    }
)

Headers = Mapping[str, str]


def make_router(adapter: SlackAdapter) -> APIRouter:
    """Return the routes. Raises SettingsWrong without a signing secret."""
    secret = adapter.options.signing_secret
    if secret is None or not secret.strip():
        raise SettingsWrong(
            "Slack's requests can not be verified: SLACK_SIGNING_SECRET is not set. "
            'It stands under "Basic Information" of the app.'
        )
    requests = _Requests(adapter, SignatureVerifier(secret))
    router = APIRouter()
    # A plain ASGI app: a function would be wrapped in what it has no use for, on every event.
    router.add_route("/slack/events", requests, ["POST"])  # pyright: ignore[reportArgumentType] - it knows of functions only
    if adapter.pages is not None:
        adapter.pages.add_to(router)
    return router


class _Requests:
    """Refuses what is too large (413) or not from Slack (401); bolt and the door do the rest."""

    def __init__(self, adapter: SlackAdapter, verifier: SignatureVerifier) -> None:
        self._adapter = adapter
        self._verifier = verifier
        self._limit_bytes = adapter.options.body_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        response = await self._take(Request(scope, receive))
        await response(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        """Answer one request: 200 when it is stored, 503 when Slack shall send it again."""
        body = await _read(request, self._limit_bytes)
        if body is None:
            await self._adapter.turn_away("body_too_large")
            return _refusal(413, f"The body is larger than {self._limit_bytes:,} bytes.")
        headers = _headers(request)
        if not self._is_from_slack(request, headers, body):
            await self._adapter.turn_away("signature_wrong")
            return _refusal(401, "The request is not signed by Slack, or too old.")
        app = self._adapter.app
        if app is None:
            return _refusal(503, "Slack is not connected yet. Try again in a moment.")
        asked = _parse(headers, body)
        if asked is None:
            return _refusal(400, "The body is not what its content type says.")
        answer = await app.async_dispatch(asked)
        return Response(answer.body, answer.status, headers=answer.first_headers())

    def _is_from_slack(self, request: Request, headers: Headers, body: bytes) -> bool:
        """Verify before anything is parsed; the SDK's verifier fails on odd headers."""
        if was_verified(request.scope):
            return True
        stamp = headers.get("x-slack-request-timestamp", "")
        signature = headers.get("x-slack-signature", "")
        if not (stamp.isascii() and stamp.isdigit() and signature.isascii()):
            return False
        try:
            return self._verifier.is_valid(body, stamp, signature)
        except UnicodeDecodeError:
            return False


def _headers(request: Request) -> Headers:
    """Return those that are read here or by the door; of one that comes twice, the last."""
    raw: Sequence[tuple[bytes, bytes]] = request.scope["headers"]
    return {name.decode(): value.decode("latin-1") for name, value in raw if name in _READ}


def _parse(headers: Headers, body: bytes) -> AsyncBoltRequest | None:
    """Have bolt parse a verified body; None for what is neither a form nor a JSON object."""
    is_json = headers.get("content-type", "").startswith("application/json")
    if is_json and not body.startswith(b"{"):
        return None
    try:
        return AsyncBoltRequest(body=body.decode(), headers=dict(headers))
    except (ValueError, RecursionError):
        return None


async def _read(request: Request, limit_bytes: int) -> bytes | None:
    """Read the body; None as soon as it is over the limit."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _refusal(status: int, sentence: str) -> Response:
    log.warning("request_refused", extra={"status": status, "error": sentence})
    return JSONResponse({"error": sentence}, status)
