"""Tokens by which programs speak for a person: offered as a code, redeemed once, revoked."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.people import Identity

PREFIX = "pst_"
"""How the secret of every token begins."""
OFFER_LIFE = timedelta(minutes=10)
"""How long the code for a token can be redeemed."""
MOST_TOKENS = 20
"""Tokens, and codes that still live, of one account."""


@dataclass(frozen=True, slots=True)
class TokenOffer:
    """A code that was shown to an account, to be exchanged for a token.

    The answer that shows it is stored as all answers are; the token never is.
    """

    id: str
    """What the token will be called in lists, and to revoke it."""
    account: Identity
    label: str
    """What its person calls it; may be empty."""
    code_hash: str
    """Only the hash is kept."""
    asked_at: datetime

    @property
    def expires_at(self) -> datetime:
        """From when on the code is good for nothing."""
        return self.asked_at + OFFER_LIFE


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token that was made. Who shows its secret speaks for the account."""

    id: str
    account: Identity
    label: str
    made_at: datetime


def new_secret() -> str:
    """Draw a secret of 256 bits that says what it is."""
    return PREFIX + secrets.token_urlsafe(32)


def new_code() -> str:
    """Draw a code of 128 bits: nobody types it, and nobody guesses it."""
    return secrets.token_urlsafe(16)


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret or a code: 64 hexadecimal digits.

    Both are drawn, not chosen, so that a plain hash is enough: there is nothing to guess.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
