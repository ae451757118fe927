"""How calls of hooks are signed: HMAC-SHA256 over moment, delivery id and body. Pure."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

REPLAY_WINDOW = timedelta(minutes=5)
"""A call that was signed longer ago, or will be, is refused."""
SCHEME = "v1="


def sign(secret: str, timestamp: str, delivery: str, body: bytes) -> str:
    """Return the value of `X-Postern-Signature`."""
    signed = f"{timestamp}.{delivery}.".encode() + body
    return SCHEME + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def is_signed(secret: str, given: str, timestamp: str, delivery: str, body: bytes) -> bool:
    """Whether the signature fits; takes equally long for every wrong one."""
    return hmac.compare_digest(
        given.strip().encode(), sign(secret, timestamp, delivery, body).encode()
    )


def is_fresh(timestamp: str, now: datetime) -> bool:
    """Whether the moment, in seconds since 1970, lies within the replay window around now."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= REPLAY_WINDOW.total_seconds()
