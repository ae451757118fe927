"""Interactions over HTTP: signs them as Discord does, POSTs them, remembers the answers.

Signature: Ed25519 over timestamp + raw body (Discord's reference, "Interactions over HTTP").
"""

import json
import time
from dataclasses import dataclass
from enum import Enum

import aiohttp
from nacl.signing import SigningKey

from tests.platforms.discord_server.wire import Json, as_object


class Signature(Enum):
    GOOD = "good"
    WRONG = "wrong"
    """Right in form, made with another key."""

    MISSING = "missing"
    TAMPERED = "tampered"
    """Good for another body than the one sent."""


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """What an endpoint answered. Status None: nothing in time, or the connection broke."""

    status: int | None
    body: Json | None
    sent: Json


class Signer:
    """Holds the application's key pair."""

    def __init__(self, answer_seconds: float) -> None:
        self._key = SigningKey.generate()
        self._stranger = SigningKey.generate()
        self._answer_seconds = answer_seconds
        self.answers: list[SignedAnswer] = []
        """Every answer so far, in order."""

    @property
    def public_key(self) -> str:
        """The verify key in hex, as the developer portal shows it."""
        return self._key.verify_key.encode().hex()

    def headers(
        self, raw: bytes, kind: Signature = Signature.GOOD, timestamp: str | None = None
    ) -> dict[str, str]:
        """Sign a body; timestamp in seconds as text, now by default."""
        moment = str(int(time.time())) if timestamp is None else timestamp
        headers = {"Content-Type": "application/json", "X-Signature-Timestamp": moment}
        if kind is Signature.MISSING:
            return headers
        key = self._stranger if kind is Signature.WRONG else self._key
        signed = moment.encode() + (b"{}" if kind is Signature.TAMPERED else raw)
        headers["X-Signature-Ed25519"] = key.sign(signed).signature.hex()
        return headers

    async def post(
        self,
        url: str,
        payload: Json,
        kind: Signature = Signature.GOOD,
        *,
        timestamp: str | None = None,
    ) -> SignedAnswer:
        """POST an interaction and wait for the answer, no longer than Discord would."""
        raw = json.dumps(payload, separators=(",", ":")).encode()
        timeout = aiohttp.ClientTimeout(total=self._answer_seconds)
        headers = self.headers(raw, kind, timestamp)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=raw, headers=headers) as response,
            ):
                answer = SignedAnswer(response.status, _parsed(await response.read()), payload)
        except (aiohttp.ClientError, TimeoutError, OSError):
            answer = SignedAnswer(None, None, payload)
        self.answers.append(answer)
        return answer

    async def probe(self, url: str) -> bool:
        """Check an endpoint as Discord does on save: PING is answered, bad signatures get 401."""
        ping: Json = {"type": 1, "id": "1", "application_id": "1", "token": "ping", "version": 1}
        good = await self.post(url, ping)
        bad = await self.post(url, ping, Signature.WRONG)
        is_pong = good.status == 200 and good.body is not None and good.body.get("type") == 1
        return is_pong and bad.status == 401


def _parsed(raw: bytes) -> Json | None:
    try:
        body: object = json.loads(raw)
    except ValueError:
        return None
    return as_object(body)
