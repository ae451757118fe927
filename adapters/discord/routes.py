"""POST /discord/interactions: slash commands that Discord sends by HTTP instead of the gateway.

Proof and protocol: "Interactions Overview", "Preparing for Interactions" in Discord's reference.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.buttons import Buttons
from adapters.discord.forms import Forms
from adapters.discord.interactions import (
    deferral,
    immediate_answer,
    parse_interaction,
    refusal,
)
from adapters.discord.payloads import Interaction
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Json
from gateway.domain.handed import was_verified
from gateway.errors import BadInput, StoreUnavailable

BODY_LIMIT_BYTES = 1024 * 1024
REPLAY_WINDOW_SECONDS = 300
"""How far a request's time may be from ours; Discord gives no number."""

_TRY_AGAIN = "I can't take this in right now. Please try again in a moment."


class _TurnedAway(Exception):
    """The request is not Discord's, or not one that we read."""

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason
        """For the audit log."""


def make_router(adapter: DiscordAdapter, public_key: str) -> APIRouter:
    """Make the route. `public_key` is the application's, in hex, from Discord's portal."""
    router = APIRouter()
    door = _Door(adapter, VerifyKey(bytes.fromhex(public_key)))
    # A plain ASGI app, as the one of Slack's: FastAPI would have nothing to give to it.
    router.add_route("/discord/interactions", door, ["POST"])  # pyright: ignore[reportArgumentType] - it knows of functions only
    return router


class _Door:
    """Lets in what Discord has signed, and defers only what is stored."""

    def __init__(self, adapter: DiscordAdapter, key: VerifyKey) -> None:
        self._adapter = adapter
        self._key = key
        self._buttons = Buttons(adapter.options.token)
        self._forms = Forms(adapter.options.find_delivery, self._buttons)
        self._refusals = Refusals(adapter.options.note_refusal, "interactions")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one interaction."""
        response = await self._take(Request(scope, receive))
        await response(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        try:
            body = await _read(request)
            self._verify(request, body)
            interaction = Interaction.model_validate_json(body)
        except _TurnedAway as error:
            await self._refusals.note_stranger(error.reason, self._adapter.clock.now())
            return JSONResponse({"error": str(error)}, error.status)
        except ValidationError:
            await self._refusals.note_odd(None, "interaction_shape", self._adapter.clock.now())
            return JSONResponse({"error": "This is no interaction that can be read."}, 400)
        try:
            return JSONResponse(await self._answer(interaction))
        except StoreUnavailable:
            if was_verified(request.scope):
                # It was acknowledged where it was verified: whoever brings it tries again.
                return JSONResponse({"error": _TRY_AGAIN}, 503)
            # Discord never sends an interaction again, so the person has to be told.
            return JSONResponse(refusal(_TRY_AGAIN))

    async def _answer(self, interaction: Interaction) -> Json:
        answer = immediate_answer(interaction, self._adapter.commands)
        answer = answer or await self._forms.opening(interaction)
        if answer is not None:
            return answer
        try:
            message = parse_interaction(interaction, self._adapter.commands, self._buttons)
            await self._adapter.receive(message)
        except BadInput as error:
            return await self._refusals.turned_away(error)
        return deferral(message)

    def _verify(self, request: Request, body: bytes) -> None:
        """Refuse what is not signed with the application's key, and what is too old."""
        if was_verified(request.scope):
            return
        moment = request.headers.get("X-Signature-Timestamp", "")
        signature = request.headers.get("X-Signature-Ed25519", "")
        try:
            self._key.verify(moment.encode() + body, bytes.fromhex(signature))
        except (BadSignatureError, ValueError):
            raise _TurnedAway(401, "signature_wrong", "The signature does not match.") from None
        if not _is_recent(moment, self._adapter.clock.now()):
            raise _TurnedAway(
                401, "request_of_another_time", "The request is too old, or from the future."
            )


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise _TurnedAway(
                413, "body_too_large", f"The body is over {BODY_LIMIT_BYTES:,} bytes."
            )
    return bytes(body)


def _is_recent(moment: str, now: datetime) -> bool:
    if not moment.isdecimal() or len(moment) > 12:
        return False
    return abs(int(moment) - now.timestamp()) <= REPLAY_WINDOW_SECONDS
