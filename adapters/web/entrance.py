"""Who comes in by the web door, by cookie or token, and which agents they may name."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from adapters.web.guard import Guard, TurnedAway, bearer
from adapters.web.inbound import parse_key, parse_role, parse_user
from adapters.web.sessions import COOKIE, COOKIE_SECONDS, Visitor, new_token, visitor_of
from adapters.web.tokens import TokenDoor
from gateway.domain.conversations import Conversation
from gateway.domain.routing import Routing

if TYPE_CHECKING:
    from adapters.web.sign_in import SignIn

OPERATOR = "operator"
"""Who the admin token is when it names nobody."""


class Entrance:
    """Tells who asks, and for which agent.

    Nobody but the admin token names another user than themselves.
    """

    def __init__(
        self,
        guard: Guard,
        routing: Routing,
        tokens: TokenDoor | None = None,
        sign_in: SignIn | None = None,
    ) -> None:
        self._guard = guard
        self._routing = routing
        self._tokens = tokens
        self._sign_in = sign_in
        """None where a browser is somebody by the secret that it gets with the page."""

    def check(self, connection: HTTPConnection) -> None:
        """Raise TurnedAway unless the request was made for this server by its own pages."""
        self._guard.check(connection)

    def open_to(self, visitor: Visitor | None) -> list[str]:
        """Return the agents that a visitor may talk to, the default one first."""
        return self._routing.open_to(None if visitor is None else visitor.sender.identity)

    def role(self, asked: str, visitor: Visitor | None) -> str:
        """Return the agent that is asked for; raises BadInput, and TurnedAway (404)."""
        role = parse_role(asked)
        if role not in self._routing:
            known = ", ".join(f'"{name}"' for name in self.open_to(visitor))
            raise TurnedAway(404, f'There is no agent "{role}" here. There is {known}.')
        return role

    def places(self, visitor: Visitor) -> list[Conversation]:
        """Return where the visitor talks to each agent."""
        return [visitor.conversation(role) for role in self._routing]

    async def reader(self, connection: HTTPConnection) -> Visitor | None:
        """Return who reads; None for a browser that was never here. Raises TurnedAway."""
        user = connection.query_params.get("user_id")
        return await self._named(connection, user) or self._browser(connection)

    async def author(
        self, connection: HTTPConnection, user: str | None
    ) -> tuple[Visitor, str | None]:
        """Return who writes, with a new cookie's secret for somebody without one.

        Raises TurnedAway.
        """
        if (named := await self._named(connection, user)) is not None:
            return named, None
        known = self._browser(connection)
        return (known, None) if known is not None else _newcomer()

    async def program(self, connection: HTTPConnection, user: str | None = None) -> Visitor:
        """Return whom the bearer token speaks for; raises TurnedAway without one."""
        caller = await self._named(connection, user)
        if caller is None:
            raise TurnedAway(401, "This needs a token: Authorization: Bearer …")
        return caller

    def cookie(self, secret: str, connection: HTTPConnection) -> str:
        """Return the header that lets a browser keep its secret."""
        return self.kept(COOKIE, secret, connection, seconds=COOKIE_SECONDS)

    def kept(
        self,
        name: str,
        value: str,
        connection: HTTPConnection,
        *,
        seconds: int,
        site: str = "Strict",
    ) -> str:
        """Return the header that lets a browser keep a cookie; for no seconds, drop it."""
        secure = "; Secure" if self._guard.is_secure(connection) else ""
        rules = f"Path=/; Max-Age={seconds}; HttpOnly; SameSite={site}"
        return f"{name}={value}; {rules}{secure}"

    def _browser(self, connection: HTTPConnection) -> Visitor | None:
        """Return who the browser is; None for a new one. Raises TurnedAway (401)."""
        kept = connection.cookies.get(COOKIE)
        if self._sign_in is None:
            return visitor_of(kept)
        visitor = self._sign_in.visitor(kept)
        if visitor is None:
            raise TurnedAway(401, "Sign in first: the page shows how.")
        return visitor

    async def _named(self, connection: HTTPConnection, user: str | None) -> Visitor | None:
        """Return whom the bearer token speaks for; None when none came with the request."""
        token, visitor = bearer(connection), None
        if token is not None and self._guard.is_admin(token):
            return parse_user(OPERATOR if user is None else user)
        if token is not None and self._tokens is not None:
            visitor = await self._tokens.visitor(token)
        if token is not None and visitor is None:
            raise TurnedAway(401, "The bearer token is not known here, or it was revoked.")
        if user is not None:
            raise TurnedAway(403, 'Only the admin token may speak for others: leave out "user_id".')
        return visitor


class Welcome:
    """Asks anew, now and then, who reads: sessions end, and tokens are revoked."""

    def __init__(self, entrance: Entrance, connection: HTTPConnection, seconds: float) -> None:
        self.seconds = seconds
        """How long an answer holds."""
        self._entrance = entrance
        self._connection = connection
        self._asked_at = asyncio.get_running_loop().time()

    async def check(self) -> None:
        """Raise Refused for who may not go on, unless that was asked a moment ago."""
        if asyncio.get_running_loop().time() - self._asked_at >= self.seconds:
            await self.check_at_once()

    async def check_at_once(self) -> None:
        """Raise Refused for who may not go on."""
        await self._entrance.reader(self._connection)
        self._asked_at = asyncio.get_running_loop().time()


def key_of(connection: HTTPConnection) -> str:
    """Return the idempotency key that came, or a new one; raises BadInput."""
    key = connection.headers.get("idempotency-key")
    return str(uuid.uuid4()) if key is None else parse_key(key, "Idempotency-Key")


def _newcomer() -> tuple[Visitor, str]:
    secret = new_token()
    visitor = visitor_of(secret)
    assert visitor is not None, "a drawn secret is one"  # noqa: S101
    return visitor, secret
