"""The ingress: verifies a platform's request, hands it over durably, and only then acknowledges.

No vendor's SDK: it starts quickly, and any number of them may run. What a request means is
read by a worker, so what is acknowledged here are the bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.first_answers import first_answer, is_for_a_worker
from gateway.domain.handed import DISCORD, SLACK, Handed
from gateway.errors import PosternError

log = logging.getLogger(__name__)

BODY_LIMIT_BYTES = 1_048_576
WINDOW_SECONDS = 300
"""How far a request's time may be from ours: Slack's number, which we keep to for Discord too."""

HandOver = Callable[[Handed], Awaitable[None]]
"""Returns when the request can not be lost any more; raises when it was not taken."""

_SLACK_HEADERS = (
    "x-slack-request-timestamp", "x-slack-signature", "x-slack-retry-num", "content-type",
)  # fmt: skip
_DISCORD_HEADERS = ("x-signature-timestamp", "x-signature-ed25519", "content-type")
_ONLY_ITS_PERSON = 64


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are verified with; a platform without its key is off."""

    slack_signing_secret: str | None = None
    discord_public_key: str | None = None


Look = Callable[[], Awaitable[None]]
"""Looks whether requests can be kept; raises a PosternError that says why not."""


async def _no_look() -> None:
    """What is handed over elsewhere can not be looked at from here."""


def make_ingress(
    keys: Keys, hand_over: HandOver, now: Callable[[], datetime], look: Look = _no_look
) -> Starlette:
    """Return the app: the doors whose keys are there, `/health`, and `/ready` for `status`."""
    doors: dict[str, _Door] = {}
    if keys.slack_signing_secret:
        doors[SLACK] = _SlackDoor(keys.slack_signing_secret, hand_over, now)
    if keys.discord_public_key:
        key = VerifyKey(bytes.fromhex(keys.discord_public_key))
        doors[DISCORD] = _DiscordDoor(key, hand_over, now)
    routes = [Route(path, door.take, methods=["POST"]) for path, door in doors.items()]
    ready = _Ready(list(doors.values()), look)
    return Starlette(
        routes=[Route("/health", _health), Route("/ready", ready.tell), *routes],
    )


def slack_signature(secret: str, stamp: str, body: bytes) -> str:
    """Return Slack's signature ("Verifying requests from Slack", its reference)."""
    signed = b"v0:" + stamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class _Door:
    """Reads a request, verifies it, and hands it over; the platforms say how."""

    name: str
    key: str
    """What it verifies with, as the secret calls it."""

    def __init__(self, hand_over: HandOver, now: Callable[[], datetime]) -> None:
        self._hand_over = hand_over
        self._now = now
        self._genuine = 0
        self._refused = 0

    async def take(self, request: Request) -> Response:
        """Answer one request."""
        body = await _read(request)
        if body is None:
            return _refusal(413, f"The body is larger than {BODY_LIMIT_BYTES:,} bytes.")
        if not self._is_genuine(request, body):
            self._refused += 1
            return _refusal(401, f"The request is not signed by {self.name}, or too old.")
        self._genuine += 1
        return await self._answer(request, body)

    def state(self) -> dict[str, object]:
        """Say how it is; a wrong key shows in that nothing was ever genuine."""
        if self._refused and not self._genuine:
            sentence = (
                f"All {self._refused} requests so far had a wrong signature: is {self.key} right?"
            )
            return {"ready": False, "state": sentence}
        return {"ready": True, "state": f"{self._genuine} requests verified here."}

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        raise NotImplementedError

    async def _answer(self, request: Request, body: bytes) -> Response:
        raise NotImplementedError

    async def _is_taken(self, handed: Handed) -> bool:
        try:
            await self._hand_over(handed)
        except Exception:
            # The edge: whatever the queue's client raises, the request was not taken.
            log.exception("hand_over_failed", extra={"path": handed.path})
            return False
        return True


class _SlackDoor(_Door):
    """Answers 503 for what was not taken: Slack sends it again."""

    name, key = "Slack", "SLACK_SIGNING_SECRET"

    def __init__(self, secret: str, hand_over: HandOver, now: Callable[[], datetime]) -> None:
        super().__init__(hand_over, now)
        self._secret = secret

    async def _answer(self, request: Request, body: bytes) -> Response:
        challenge = _challenge(body)
        if challenge is not None:
            return JSONResponse({"challenge": challenge})
        handed = Handed(SLACK, _chosen(request, _SLACK_HEADERS), body)
        return Response(status_code=200 if await self._is_taken(handed) else 503)

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if not _is_recent(stamp, self._now()):
            return False
        expected = slack_signature(self._secret, stamp, body)
        given = request.headers.get("x-slack-signature", "")
        return hmac.compare_digest(expected.encode(), given.encode())


class _DiscordDoor(_Door):
    """Discord never sends an interaction again: what was not taken is told to its person."""

    name, key = "Discord", "DISCORD_PUBLIC_KEY"

    def __init__(self, key: VerifyKey, hand_over: HandOver, now: Callable[[], datetime]) -> None:
        super().__init__(hand_over, now)
        self._verify_key = key

    async def _answer(self, request: Request, body: bytes) -> Response:
        interaction = _object(body)
        answer = first_answer(interaction)
        if answer is None:
            return _refusal(400, "This is no interaction that can be answered.")
        if not is_for_a_worker(answer):
            return JSONResponse(answer)
        if await self._is_taken(Handed(DISCORD, _chosen(request, _DISCORD_HEADERS), body)):
            return JSONResponse(answer)
        text = "I can't take this in right now. Please try again in a moment."
        return JSONResponse({"type": 4, "data": {"content": text, "flags": _ONLY_ITS_PERSON}})

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        stamp = request.headers.get("x-signature-timestamp", "")
        try:
            signature = bytes.fromhex(request.headers.get("x-signature-ed25519", ""))
            self._verify_key.verify(stamp.encode() + body, signature)
        except (BadSignatureError, ValueError):
            return False
        return _is_recent(stamp, self._now())


class _Ready:
    """What `postern status --url` shows of an ingress."""

    def __init__(self, doors: list[_Door], look: Look) -> None:
        self._doors = doors
        self._look = look

    async def tell(self, request: Request) -> Response:
        """Say whether requests can be kept, and how each door is."""
        try:
            await self._look()
        except PosternError as error:
            hand_over: dict[str, object] = {"ready": False, "state": str(error)}
        else:
            hand_over = {"ready": True, "state": "takes requests"}
        doors = {door.name.lower(): door.state() for door in self._doors}
        is_ready = all(part["ready"] is True for part in (hand_over, *doors.values()))
        told = {"ready": is_ready, "hand_over": hand_over, "channels": doors}
        return JSONResponse(told, 200 if is_ready else 503)


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _read(request: Request) -> bytes | None:
    """Read the body; None as soon as it is over the limit, or when its sender is gone."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_LIMIT_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def _is_recent(stamp: str, now: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    return abs(int(stamp) - now.timestamp()) <= WINDOW_SECONDS


def _challenge(body: bytes) -> str | None:
    """Return what Slack wants to hear when the address is set; None for any other request."""
    asked = _object(body)
    if asked.get("type") != "url_verification":
        return None
    return str(asked.get("challenge", ""))


def _object(body: bytes) -> dict[str, object]:
    """Return the JSON object; an empty one for a form, and for what can not be read."""
    if not body.startswith(b"{"):
        return {}
    try:
        return cast("dict[str, object]", json.loads(body))  # it begins as an object
    except (ValueError, RecursionError):
        return {}


def _chosen(request: Request, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, request.headers[name]) for name in names if name in request.headers)


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)
