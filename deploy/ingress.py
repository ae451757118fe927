"""The ingress: verifies a platform's request, hands it over durably, and only then acknowledges.

No store, no vendor's SDK: it starts quickly, and any number of them may run.
"""

from __future__ import annotations

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

from deploy.handed import DISCORD, SLACK, Handed, slack_signature

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
_PING, _PONG, _DEFERRED = 1, {"type": 1}, 5
_COMMAND = 2
_ONLY_ITS_PERSON = 64
OPEN_COMMANDS = ("ask",)
"""What all may see the answer of; as the commands' own specs say."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are verified with; a platform without its key is off."""

    slack_signing_secret: str | None = None
    discord_public_key: str | None = None


def make_ingress(
    keys: Keys,
    hand_over: HandOver,
    now: Callable[[], datetime],
    open_commands: tuple[str, ...] = OPEN_COMMANDS,
) -> Starlette:
    """Return the app: the doors whose keys are there, and `/health`."""
    routes = [Route("/health", _health)]
    if keys.slack_signing_secret:
        slack = _SlackDoor(keys.slack_signing_secret, hand_over, now)
        routes.append(Route(SLACK, slack.take, methods=["POST"]))
    if keys.discord_public_key:
        key = VerifyKey(bytes.fromhex(keys.discord_public_key))
        discord = _DiscordDoor(key, hand_over, now, open_commands)
        routes.append(Route(DISCORD, discord.take, methods=["POST"]))
    return Starlette(routes=routes)


class _SlackDoor:
    """Answers 503 for what was not taken: Slack sends it again."""

    def __init__(self, secret: str, hand_over: HandOver, now: Callable[[], datetime]) -> None:
        self._secret = secret
        self._hand_over = hand_over
        self._now = now

    async def take(self, request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return _refusal(413, f"The body is larger than {BODY_LIMIT_BYTES:,} bytes.")
        if not self._is_genuine(request, body):
            return _refusal(401, "The request is not signed by Slack, or too old.")
        challenge = _challenge(body)
        if challenge is not None:
            return JSONResponse({"challenge": challenge})
        handed = Handed(SLACK, _chosen(request, _SLACK_HEADERS), body)
        is_taken = await _is_taken(self._hand_over, handed)
        return Response(status_code=200 if is_taken else 503)

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        stamp = request.headers.get("x-slack-request-timestamp", "")
        if not _is_recent(stamp, self._now()):
            return False
        expected = slack_signature(self._secret, stamp, body)
        given = request.headers.get("x-slack-signature", "")
        return hmac.compare_digest(expected.encode(), given.encode())


class _DiscordDoor:
    """Discord never sends an interaction again: what was not taken is told to its person."""

    def __init__(
        self,
        key: VerifyKey,
        hand_over: HandOver,
        now: Callable[[], datetime],
        open_commands: tuple[str, ...],
    ) -> None:
        self._key = key
        self._hand_over = hand_over
        self._now = now
        self._open_commands = open_commands

    async def take(self, request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return _refusal(413, f"The body is larger than {BODY_LIMIT_BYTES:,} bytes.")
        if not self._is_genuine(request, body):
            return _refusal(401, "The request is not signed by Discord, or too old.")
        interaction = _object(body)
        if interaction.get("type") == _PING:
            return JSONResponse(_PONG)
        if interaction.get("type") != _COMMAND:
            return _refusal(400, "This is no interaction that can be answered.")
        handed = Handed(DISCORD, _chosen(request, _DISCORD_HEADERS), body)
        if await _is_taken(self._hand_over, handed):
            return JSONResponse(self._deferral(interaction))
        text = "I can't take this in right now. Please try again in a moment."
        return JSONResponse({"type": 4, "data": {"content": text, "flags": _ONLY_ITS_PERSON}})

    def _is_genuine(self, request: Request, body: bytes) -> bool:
        stamp = request.headers.get("x-signature-timestamp", "")
        try:
            signature = bytes.fromhex(request.headers.get("x-signature-ed25519", ""))
            self._key.verify(stamp.encode() + body, signature)
        except (BadSignatureError, ValueError):
            return False
        return _is_recent(stamp, self._now())

    def _deferral(self, interaction: dict[str, object]) -> dict[str, object]:
        """Return "is thinking…", seen by its person alone where the answer will be."""
        data = interaction.get("data")
        name = cast("dict[str, object]", data).get("name") if isinstance(data, dict) else None
        flags = 0 if name in self._open_commands else _ONLY_ITS_PERSON
        return {"type": _DEFERRED, "data": {"flags": flags}}


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _is_taken(hand_over: HandOver, handed: Handed) -> bool:
    try:
        await hand_over(handed)
    except Exception:
        # The edge: whatever the queue's client raises, the request was not taken.
        log.exception("hand_over_failed", extra={"path": handed.path})
        return False
    return True


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
