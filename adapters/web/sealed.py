"""Small facts that a browser keeps for us in a cookie, signed so that it can not change them. Pure.

They are signed, not hidden: nothing secret goes in but what the browser itself may know.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Sealed(BaseModel):
    """What is kept, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    until: int
    """Seconds since 1970."""


class Attempt(Sealed):
    """A sign-in under way, in the browser that began it."""

    state: str
    nonce: str
    verifier: str
    """Of PKCE (RFC 7636)."""
    redirect_uri: str


class Session(Sealed):
    """Somebody who has signed in."""

    user: str
    name: str


_Kept = TypeVar("_Kept", bound=Sealed)


@dataclass(frozen=True, slots=True)
class Seal:
    """Signs one kind of fact: what was sealed as another kind is not read."""

    secret: str
    purpose: str

    def close(self, fact: Sealed) -> str:
        """Return the cookie's value; without the secret nobody can make or change one."""
        body = _text(fact.model_dump_json().encode())
        return f"{body}.{_text(self._signature(body))}"

    def open(self, kind: type[_Kept], value: str | None, now: float) -> _Kept | None:
        """Return what was sealed; None for what was not sealed here, or is over."""
        if value is None or not _SHAPE.fullmatch(value):
            return None
        body, _, given = value.partition(".")
        if not hmac.compare_digest(given, _text(self._signature(body))):
            return None
        try:
            fact = kind.model_validate_json(base64.urlsafe_b64decode(f"{body}=="))
        except (ValidationError, binascii.Error):
            return None
        return fact if fact.until > now else None

    def _signature(self, body: str) -> bytes:
        key = hmac.new(self.secret.encode(), self.purpose.encode(), hashlib.sha256).digest()
        return hmac.new(key, body.encode(), hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
