"""A provider of OpenID Connect on loopback, that refuses what providers refuse.

Codes are good once, for the application, the address and the PKCE verifier that they were asked
with (RFC 6749, RFC 7636). What it signs can be spoiled from outside, for a provider that errs.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import socket
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from html import escape
from urllib.parse import parse_qs, unquote, urlencode

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gateway.http import create_server

Claims = dict[str, object]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

CLIENT_ID = "postern-web"
CLIENT_SECRET = "client secret: 100%25 of the test/provider+"


def text_of(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return text_of(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def public_jwk(key: PrivateKey, kid: str) -> dict[str, object]:
    """Return the public half as a provider publishes it."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        n, e = _number(numbers.n), _number(numbers.e)
        return {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": n, "e": e}
    point = key.public_key().public_numbers()
    x, y = (text_of(value.to_bytes(32, "big")) for value in (point.x, point.y))
    return {"kty": "EC", "kid": kid, "use": "sig", "crv": "P-256", "x": x, "y": y}


def signed(key: PrivateKey, header: Claims, claims: Claims) -> str:
    """Return a token, with whatever header and claims."""
    parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
    body = ".".join(text_of(part) for part in parts)
    if isinstance(key, rsa.RSAPrivateKey):
        return f"{body}.{text_of(key.sign(body.encode(), padding.PKCS1v15(), SHA256()))}"
    first, second = decode_dss_signature(key.sign(body.encode(), ec.ECDSA(SHA256())))
    return f"{body}.{text_of(first.to_bytes(32, 'big') + second.to_bytes(32, 'big'))}"


@dataclass
class _Grant:
    """What a code was given for."""

    subject: str
    asked: dict[str, str]


@dataclass
class OidcProvider:
    """Whoever may sign in, the keys, and what was asked."""

    port: int
    redirect_uris: list[str]
    name: str = "Ada Lovelace"
    subject: str = "248289761001"
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "key-1"
    is_down: bool = False
    is_slow: bool = False
    """Say what it offers, which is nothing, when it may go on, and not before."""
    offers: int = 0
    """How often it was asked what it offers."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    spoil: Callable[[Claims], Claims] = field(default=lambda claims: claims)
    """Changes what is signed."""
    offered: Claims = field(default_factory=Claims)
    """What it says of itself beside the usual, or instead of it."""
    codes: dict[str, _Grant] = field(default_factory=dict[str, _Grant])
    exchanged: int = 0
    """Codes that were exchanged."""
    nonces: list[str] = field(default_factory=list[str])

    @property
    def issuer(self) -> str:
        """Its name: another site than 127.0.0.1, as browsers see it."""
        return f"http://localhost:{self.port}"

    def app(self) -> FastAPI:
        """Return its routes."""
        app = FastAPI(openapi_url=None)
        app.add_api_route("/.well-known/openid-configuration", self._offer)
        app.add_api_route("/keys", self._keys)
        app.add_api_route("/authorize", self._authorize)
        app.add_api_route("/approve", self._approve)
        app.add_api_route("/token", self._token, methods=["POST"])
        return app

    async def _offer(self) -> Response:
        self.offers += 1
        if self.is_slow:
            self.asked.set()
            await self.go_on.wait()
        if self.is_down or self.is_slow:
            return JSONResponse({}, 500)
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                **self.offered,
            }
        )

    async def _keys(self) -> Response:
        return JSONResponse({"keys": [public_jwk(self.key, self.kid)]})

    async def _authorize(self, request: Request) -> Response:
        """Show who one could be here; what an application may not ask is refused."""
        asked = dict(request.query_params)
        if (
            asked.get("client_id") != CLIENT_ID
            or asked.get("redirect_uri") not in self.redirect_uris
        ):
            return HTMLResponse("This application is not known.", 400)
        has_all = (
            asked.get("response_type") == "code"
            and "openid" in asked.get("scope", "").split()
            and asked.get("code_challenge_method") == "S256"
            and all(asked.get(name) for name in ("state", "nonce", "code_challenge"))
        )
        if not has_all or asked["nonce"] in self.nonces:
            return self._back(asked, {"error": "invalid_request"})
        self.nonces.append(asked["nonce"])
        yes = escape(f"approve?{urlencode(asked)}")
        no = escape(f"approve?{urlencode({**asked, 'refuse': 'yes'})}")
        links = f"<a href='{yes}'>Continue as {self.name}</a> <a href='{no}'>Not me</a>"
        return HTMLResponse(f"<h1>Provider</h1>{links}")

    async def _approve(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if "refuse" in asked:
            return self._back(asked, {"error": "access_denied"})
        code = secrets.token_urlsafe(16)
        self.codes[code] = _Grant(self.subject, asked)
        return self._back(asked, {"code": code})

    def _back(self, asked: dict[str, str], told: dict[str, str]) -> Response:
        query = urlencode({**told, "state": asked.get("state", "")})
        return RedirectResponse(f"{asked['redirect_uri']}?{query}", 302)

    async def _token(self, request: Request) -> Response:
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        if not self._is_the_client(request.headers.get("authorization", ""), form):
            return JSONResponse({"error": "invalid_client"}, 401)
        grant = self.codes.pop(form.get("code", ""), None)
        if grant is None or not _fits(grant.asked, form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.exchanged += 1
        claims = self.spoil(self.claims(grant.subject, grant.asked["nonce"]))
        algorithm = "RS256" if isinstance(self.key, rsa.RSAPrivateKey) else "ES256"
        token = signed(self.key, {"alg": algorithm, "kid": self.kid}, claims)
        answer = {"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _is_the_client(self, header: str, form: dict[str, str]) -> bool:
        if self.offered.get("token_endpoint_auth_methods_supported") != ["client_secret_post"]:
            return _has_secret(header)
        given = (form.get("client_id"), form.get("client_secret"))
        return not header and given == (CLIENT_ID, CLIENT_SECRET)

    def claims(self, subject: str, nonce: str) -> Claims:
        """Return what an ID token says."""
        now = int(time.time())
        return {
            "iss": self.issuer,
            "sub": subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "name": self.name,
            "email": "ada@example.org",
        }


def _has_secret(header: str) -> bool:
    scheme, _, given = header.partition(" ")
    try:
        name, _, secret = base64.b64decode(given).decode().partition(":")
    except ValueError:
        return False
    return scheme == "Basic" and (unquote(name), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)


def _fits(asked: dict[str, str], form: dict[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return (
        form.get("grant_type") == "authorization_code"
        and form.get("redirect_uri") == asked["redirect_uri"]
        and text_of(digest) == asked["code_challenge"]
    )


@contextlib.asynccontextmanager
async def provider(*redirect_uris: str) -> AsyncGenerator[OidcProvider]:
    """Serve a provider on a free port of loopback until the context is left."""
    with contextlib.closing(_listener()) as listener:
        found = OidcProvider(listener.getsockname()[1], list(redirect_uris))
        server = create_server(found.app())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            yield found
            server.ask_to_stop()


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener
