"""ID tokens of OpenID Connect: read, verified against a provider's keys, and believed or refused.

Pure: moments, keys and what is expected are passed in. The rules are those of OpenID Connect Core
1.0, section 3.1.3.7, RFC 7515 and RFC 7518; of the algorithms, RS256 and ES256 are taken.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import Refused

TOKEN_LIMIT = 16_000
"""Characters in one token."""
SKEW_SECONDS = 60
"""How far a provider's clock may be from ours."""
LEAST_RSA_BITS = 2_048
LONGEST_RSA_BITS = 8_192
"""Longer ones take so long that they could be meant to."""
KEYS_LIMIT = 100

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
_ES256_BYTES = 32
_KINDS = {"RS256": "RSA", "ES256": "EC"}

Moment = Annotated[float, Field(strict=True, ge=0, le=1e12, allow_inf_nan=False)]
"""Seconds since 1970."""


class TokenRefused(Refused):
    """The ID token is not believed; the sentence says why, and holds nothing of it."""


class Key(BaseModel):
    """One public key of a provider (RFC 7517), as far as we look at it."""

    model_config = ConfigDict(strict=True, frozen=True)

    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None


class _KeySet(BaseModel):
    keys: Annotated[list[dict[str, object]], Field(max_length=KEYS_LIMIT)]


class _Header(BaseModel):
    model_config = ConfigDict(strict=True)

    alg: Literal["RS256", "ES256"]
    kid: str | None = None
    crit: None = None
    """What a token calls critical has to be understood, and we understand nothing more."""


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True)

    iss: str
    sub: Annotated[str, Field(min_length=1, max_length=255)]
    aud: str | list[str]
    azp: str | None = None
    exp: Moment
    iat: Moment
    nbf: Moment | None = None
    nonce: str
    name: object = None
    preferred_username: object = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say."""

    issuer: str
    client_id: str
    nonce: str
    """What this very sign-in asked for: the token of another one is refused."""
    now: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a token says has signed in."""

    subject: str
    """The issuer's own id of them, which never changes and is given to nobody else."""
    name: str
    """For people to read, never to match by; may be empty."""


def parse_keys(body: bytes) -> list[Key]:
    """Read a provider's key set, leaving out what is not for us; raises TokenRefused."""
    try:
        found = _KeySet.model_validate_json(body).keys
    except ValidationError:
        raise TokenRefused("The keys of the sign-in provider can not be read.") from None
    return [key for key in map(_to_key, found) if key is not None]


def key_id(token: str) -> str | None:
    """Return which key the token says it was signed with; raises TokenRefused."""
    return _header(_segments(token)[0]).kid


def verify(token: str, keys: Sequence[Key], expected: Expected) -> SignedIn:
    """Return who has signed in; raises TokenRefused for all that is not wholly right."""
    head, body, signature = _segments(token)
    header = _header(head)
    _check_signature(_key_for(header, keys), header.alg, f"{head}.{body}".encode(), signature)
    try:
        claims = _Claims.model_validate(_json(body))
    except ValidationError:
        raise TokenRefused("The ID token lacks a claim that it must have.") from None
    _check(claims, expected)
    return SignedIn(claims.sub, _name_in(claims))


def _to_key(found: dict[str, object]) -> Key | None:
    try:
        return Key.model_validate(found)
    except ValidationError:
        return None


def _segments(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    is_token = len(token) <= TOKEN_LIMIT and len(parts) == 3
    if not is_token or not all(_SEGMENT.fullmatch(part) for part in parts):
        raise TokenRefused("What the sign-in provider sent is no signed ID token.")
    head, body, signature = parts
    return head, body, signature


def _header(head: str) -> _Header:
    try:
        return _Header.model_validate(_json(head))
    except ValidationError:
        raise TokenRefused("The ID token is not signed with RS256 or ES256.") from None


def _json(segment: str) -> object:
    try:
        return json.loads(_decoded(segment), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise TokenRefused("The ID token can not be read.") from None


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A name comes twice.")
    return found


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except binascii.Error:
        raise TokenRefused("The ID token can not be read.") from None


def _key_for(header: _Header, keys: Sequence[Key]) -> Key:
    """Return the one key that this can be signed with.

    The kind of key belongs to the algorithm: a public key is never taken for
    the secret of another algorithm.
    """
    fitting = [
        key
        for key in keys
        if key.kty == _KINDS[header.alg]
        and key.use in (None, "sig")
        and key.alg in (None, header.alg)
        and (header.kid is None or key.kid == header.kid)
    ]
    if len(fitting) != 1:
        raise TokenRefused("The ID token is signed with a key that its provider does not have.")
    return fitting[0]


def _check_signature(key: Key, algorithm: str, signed: bytes, signature: str) -> None:
    given = _decoded(signature)
    try:
        if algorithm == "RS256":
            _rsa_key(key).verify(given, signed, padding.PKCS1v15(), SHA256())
        else:
            _curve_key(key).verify(_as_der(given), signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise TokenRefused("The signature of the ID token does not fit.") from None
    except ValueError:
        raise TokenRefused("A key of the sign-in provider can not be used.") from None


def _rsa_key(key: Key) -> rsa.RSAPublicKey:
    modulus, exponent = _number(key.n), _number(key.e)
    if not LEAST_RSA_BITS <= modulus.bit_length() <= LONGEST_RSA_BITS:
        raise ValueError("Too short or too long.")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _curve_key(key: Key) -> ec.EllipticCurvePublicKey:
    if key.crv != "P-256":
        raise ValueError("Another curve.")
    return ec.EllipticCurvePublicNumbers(
        _number(key.x), _number(key.y), ec.SECP256R1()
    ).public_key()


def _number(segment: str | None) -> int:
    if not segment or not _SEGMENT.fullmatch(segment):
        raise ValueError("No number.")
    return int.from_bytes(_decoded(segment), "big")


def _as_der(signature: bytes) -> bytes:
    """Return the signature as cryptography wants it, from two numbers (RFC 7518, section 3.4)."""
    if len(signature) != 2 * _ES256_BYTES:
        raise InvalidSignature
    first = int.from_bytes(signature[:_ES256_BYTES], "big")
    return encode_dss_signature(first, int.from_bytes(signature[_ES256_BYTES:], "big"))


def _check(claims: _Claims, expected: Expected) -> None:
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    latest = expected.now + SKEW_SECONDS
    if claims.iss != expected.issuer:
        raise TokenRefused("The ID token is of another issuer.")
    if expected.client_id not in audience:
        raise TokenRefused("The ID token is for another application.")
    if claims.azp != expected.client_id and (claims.azp is not None or len(audience) > 1):
        raise TokenRefused("The ID token was given to another application.")
    if claims.exp <= expected.now - SKEW_SECONDS:
        raise TokenRefused("The ID token is over.")
    if claims.iat > latest or (claims.nbf is not None and claims.nbf > latest):
        raise TokenRefused("The ID token is of a moment to come.")
    if claims.nonce != expected.nonce:
        raise TokenRefused("The ID token is of another sign-in.")


def _name_in(claims: _Claims) -> str:
    for name in (claims.name, claims.preferred_username):
        if isinstance(name, str) and (shown := _shown(name)):
            return shown
    return ""


def _shown(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]
