"""Signature Version 4 as S3 wants it ("Authenticating Requests", its reference). Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks, and where."""

    key_id: str
    secret: str
    region: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that is to be signed."""

    method: str
    host: str
    path: str
    """Not encoded; begins with a slash."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case; all of them are signed."""
    body: bytes


def encoded(text: str, *, safe: str = "") -> str:
    """Encode as S3 does: everything but letters, digits and `-._~`."""
    return quote(text, safe=f"-._~{safe}")


def query_string(query: Mapping[str, str]) -> str:
    """Return the query as it is signed and sent: sorted by name."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def signed_headers(wish: Wish, credentials: Credentials, now: datetime) -> dict[str, str]:
    """Return all headers to send, the signature among them."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(wish.body).hexdigest()
    headers = {
        **wish.headers,
        "host": wish.host,
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
    }
    names = ";".join(sorted(headers))
    scope = f"{moment[:8]}/{credentials.region}/s3/aws4_request"
    asked = _canonical(wish, headers, names, digest)
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    signature = hmac.new(_key(credentials, moment[:8]), to_sign.encode(), hashlib.sha256)
    authorization = (
        f"{_ALGORITHM} Credential={credentials.key_id}/{scope},SignedHeaders={names},"
        f"Signature={signature.hexdigest()}"
    )
    return {**headers, "authorization": authorization}


def _canonical(wish: Wish, headers: Mapping[str, str], names: str, digest: str) -> str:
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    path, query = encoded(wish.path, safe="/"), query_string(wish.query)
    return f"{wish.method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"


def _key(credentials: Credentials, day: str) -> bytes:
    key = f"AWS4{credentials.secret}".encode()
    for part in (day, credentials.region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
