"""The codes that strangers show to the operator: how they are made, read and kept."""

from __future__ import annotations

import hashlib
import secrets

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, O, 1, I and L, which people mistake for one another."""

LENGTH = 8
"""Characters. 31^8 codes: not to be guessed in the hour that one lives."""


def new_code() -> str:
    """Draw a code that nobody can foresee."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def read_code(typed: str) -> str | None:
    """Return the code that a person typed, however they spaced it; None when it is none."""
    code = "".join(typed.split()).replace("-", "").upper()
    is_code = len(code) == LENGTH and all(letter in ALPHABET for letter in code)
    return code if is_code else None


def hash_code(code: str) -> str:
    """Return what is kept of a code: 64 hexadecimal digits, the same on every machine.

    It keeps codes out of the database, its backups and its logs. It has no key,
    because machines that share a database share no directory; what limits a
    thief of the database is that a code lives for one hour.
    """
    return hashlib.blake2b(code.encode(), digest_size=32, person=b"postern-pairing").hexdigest()
