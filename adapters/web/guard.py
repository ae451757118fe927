"""Who may reach the web door at all: Host, Origin, admin token, body size. Not who they are."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from gateway.errors import Refused

BODY_LIMIT_BYTES = 1_000_000

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
EVERY_HEADER = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class TurnedAway(Refused):
    """The door refuses the request; `status` is the HTTP code that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How the web door is reached, and how long it waits."""

    host: str = "127.0.0.1"
    """What the server listens on (`http.host`)."""
    public_url: str | None = None
    """Under which address people reach it (`http.public_url`)."""
    admin_token: str | None = None
    """Who has it may speak for others (`http.admin_token`)."""
    answer_seconds: float = 60.0
    """How long `POST /chat` waits for the answer before it says where to look later."""
    completion_seconds: float = 540.0
    """How long `/v1/chat/completions` waits: its clients know no later. Less than the ten minutes
    after which OpenAI's give up by themselves, and say it again."""
    quiet_seconds: float = 15.0
    """After so long without an event a stream says that it is there, and asks who reads it."""


class Guard:
    """Stops what a foreign web page could make a browser send here.

    DNS rebinding: the Host header must be a name that is ours. Cross-site
    requests, and other ports of this machine, which share our cookies: the
    Origin header, which browsers always send with POST and WebSocket, must be
    the address that was asked.
    """

    def __init__(self, options: WebOptions) -> None:
        public = urlsplit(options.public_url or "")
        self._public_origin = f"{public.scheme}://{public.netloc}".lower()
        self._names = {"localhost", "127.0.0.1", "::1", options.host.lower()}
        if public.hostname:
            self._names.add(public.hostname)
        self._is_open_to_addresses = options.host in ("0.0.0.0", "::")  # noqa: S104 (compared)
        self._admin_token = options.admin_token
        self._public = public

    def check(self, connection: HTTPConnection) -> None:
        """Raise TurnedAway unless the request was made for this server by its own pages."""
        host = connection.headers.get("host", "")
        if not self._is_ours(host):
            raise TurnedAway(
                421,
                f'"{host}" is not a name of this server. Set http.public_url to serve under it.',
            )
        origin = connection.headers.get("origin")
        if origin is not None and not self._is_own_origin(origin.lower(), connection):
            raise TurnedAway(403, "Requests from pages of other sites are not accepted.")

    def is_admin(self, token: str) -> bool:
        """Whether this is the admin token."""
        known = self._admin_token or ""
        return bool(known) and hmac.compare_digest(token.encode(), known.encode())

    def is_secure(self, connection: HTTPConnection) -> bool:
        """Whether the browser came over TLS, as far as can be known behind a proxy."""
        if connection.url.scheme in ("https", "wss"):
            return True
        return self._public.scheme == "https" and connection.url.hostname == self._public.hostname

    def _is_ours(self, host: str) -> bool:
        name = _name_of(host)
        if name in self._names:
            return True
        # Rebinding needs a name; an address in Host is what the person typed.
        return self._is_open_to_addresses and _is_address(name)

    def _is_own_origin(self, origin: str, connection: HTTPConnection) -> bool:
        if origin == self._public_origin:
            return True
        scheme, _, place = origin.partition("://")
        # Without TLS anybody on the way can write a page of our name.
        is_safe = scheme == "https" or not self.is_secure(connection)
        return is_safe and place == connection.headers.get("host", "").lower()


def bearer(connection: HTTPConnection) -> str | None:
    """Return the bearer token that came with the request."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def read_body(request: Request) -> bytes:
    """Read the body; raises TurnedAway as soon as it is over the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise TurnedAway(413, f"The body is over {BODY_LIMIT_BYTES:,} bytes.")
    return bytes(body)


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
