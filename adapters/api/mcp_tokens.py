"""Tokens by which an agent is known: who it is, signed by us. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.domain.ids import AgentId, PersonId
from gateway.domain.tools import Caller

_PREFIX = "pmcp"
_PURPOSE = b"postern mcp token v1"
_LONGEST = 2_000


class _Claim(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    person: str
    role: str
    agent: str
    until: int
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a token says; whether the agent still is that, the store knows."""

    caller: Caller
    until: int


def make_token(secret: str, claimed: Claimed) -> str:
    """Return the token; without the secret nobody can make or change one."""
    caller = claimed.caller
    claim = _Claim(person=caller.person, role=caller.role, agent=caller.agent, until=claimed.until)
    body = _text(claim.model_dump_json().encode())
    return f"{_PREFIX}.{body}.{_text(_signature(secret, body))}"


def read_token(secret: str, token: str, now: float) -> Claimed | None:
    """Return what the token says; None for one that we did not make, or that is over."""
    prefix, _, rest = token.partition(".")
    body, _, given = rest.partition(".")
    if prefix != _PREFIX or not token.isascii() or len(token) > _LONGEST:
        return None
    if not hmac.compare_digest(given, _text(_signature(secret, body))):
        return None
    try:
        claim = _Claim.model_validate_json(base64.urlsafe_b64decode(f"{body}=="))
    except (ValidationError, binascii.Error):
        return None
    if claim.until <= now:
        return None
    caller = Caller(PersonId(claim.person), claim.role, AgentId(claim.agent))
    return Claimed(caller, claim.until)


def _signature(secret: str, body: str) -> bytes:
    key = hmac.new(secret.encode(), _PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, body.encode(), hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
