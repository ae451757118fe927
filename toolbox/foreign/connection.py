"""One MCP server over streamable HTTP: posts messages and reads what comes back, within limits.

Says by its errors what surely did not happen (RetryLater, Refused), and what may have
(OutcomeUnknown). Redirects are not followed, and nothing in an answer leads anywhere.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from gateway.errors import OutcomeUnknown, RateLimited, Refused, RetryLater
from gateway.text.event_stream import EndlessEvent, EventDecoder
from toolbox.foreign.protocol import (
    Fault,
    Message,
    Unreadable,
    greeting,
    notification,
    read_greeting,
    read_messages,
    reply_to,
    request,
)
from toolbox.foreign.wording import cleaned

Json = dict[str, Any]  # what a server sent; looked at part by part

_CONNECT_SECONDS = 5.0
_KEEP_SECONDS = 2.0
"""Shorter than servers keep an idle connection, so that no call goes into one they just closed."""
_LAST_WORD_SECONDS = 5.0
_LONGEST_ID = 1_000
_EVENTS = "text/event-stream"
_JSON = "application/json"
_OUR_TOKEN = b"[our token]"
_SHORTEST_SECRET = 6
"""Shorter ones are found in everything."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is, and what it is told of us."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    limit_bytes: int = 1_000_000
    """Of one answer."""
    timeout_seconds: float = 30.0
    """Of one request with its answer."""
    version: str = "1"


@dataclass(frozen=True, slots=True)
class Session:
    """What a greeting came to."""

    revision: str
    id: str | None
    """None where the server keeps nothing between two requests."""


class SessionGone(RetryLater):
    """The server does not know the session any more: greet it anew. Nothing was done."""


class Declined(Refused):
    """The server says no, in words of its own, which are data as all that it says."""

    def __init__(self, sentence: str, fault: Fault) -> None:
        super().__init__(f"{sentence} ({fault.code}): {fault.words}")
        self.sentence = f"{sentence} ({fault.code})."
        """Without its words."""
        self.words = fault.words


class Connection:
    """Requests to one server. It keeps no session; `on_told` hears what the server says itself."""

    def __init__(self, endpoint: Endpoint, on_told: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._named = f'The MCP server "{endpoint.name}"'
        self._on_told = on_told
        self._ids = itertools.count(1)
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS, pool=_CONNECT_SECONDS)
        limits = httpx.Limits(max_connections=50, keepalive_expiry=_KEEP_SECONDS)
        # What a server remembers of one person by a cookie would come to another.
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self._http = httpx.AsyncClient(
            timeout=timeout, limits=limits, cookies=cookies, follow_redirects=False
        )
        self._secrets = secrets_of(endpoint.headers)

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def greet(self) -> Session:
        """Begin a session."""
        params = greeting(self._endpoint.version)
        result, headers = await self._ask("initialize", params, None)
        try:
            session = Session(read_greeting(result), _session_id(headers))
        except Unreadable as error:
            raise Refused(f"{self._named} answers with {error}.") from None
        try:
            async with asyncio.timeout(self._endpoint.timeout_seconds):
                await self._tell(notification("notifications/initialized"), session)
        except TimeoutError:
            raise RetryLater(f"{self._named} does not answer to a greeting.") from None
        return session

    async def ask(self, session: Session, method: str, params: Mapping[str, object]) -> Json:
        """Return the result of a method. Raises Declined with the server's own words."""
        result, _ = await self._ask(method, params, session)
        return result

    async def leave(self, session: Session) -> None:
        """End a session, whatever the server says to that."""
        if session.id is None:
            return
        with suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._http.delete(self._endpoint.url, headers=self._headers(session))

    async def listen(self, session: Session) -> bool:
        """Hear what the server says by itself, until it stops; False where it never does.

        Raises RetryLater when the connection is lost.
        """
        headers = {**self._headers(session), "accept": _EVENTS}
        try:
            async with self._http.stream("GET", self._endpoint.url, headers=headers) as reply:
                if reply.status_code != 200 or _kind(reply) != _EVENTS:
                    return False
                async with aclosing(self._events(reply, is_limited=False)) as messages:
                    async for message in messages:
                        await self._hear(message, session)
                return True
        except (httpx.HTTPError, Unreadable) as error:
            raise RetryLater(f"{self._named} stopped speaking ({_reason(error)}).") from error

    async def _ask(
        self, method: str, params: Mapping[str, object], session: Session | None
    ) -> tuple[Json, httpx.Headers]:
        """Ask within the time limit; a server that is too slow is told that nobody waits."""
        id_, seconds = next(self._ids), self._endpoint.timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._answer(id_, request(id_, method, params), session)
        except TimeoutError:
            await self._give_up(id_, session)
            raise OutcomeUnknown(f"{self._named} did not answer within {seconds:g} s.") from None
        except (*_NEVER_SENT, httpx.InvalidURL) as error:
            raise RetryLater(f"{self._named} can not be reached ({_reason(error)}).") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"{self._named} broke off ({_reason(error)}).") from error
        except Unreadable as error:
            raise OutcomeUnknown(f"{self._named} answers with {error}.") from error

    async def _answer(
        self, id_: int, asked: Mapping[str, object], session: Session | None
    ) -> tuple[Json, httpx.Headers]:
        async with self._posted(asked, session) as reply:
            self._check(reply, session)
            async with aclosing(self._messages(reply)) as messages:
                async for message in messages:
                    if message.method is not None:
                        await self._hear(message, session)
                    elif message.id == id_:
                        return self._result(message), reply.headers
        raise Unreadable("nothing to what was asked")

    def _result(self, message: Message) -> Json:
        if message.error is not None:
            raise Declined(f"{self._named} refuses it", message.error)
        if message.result is None:
            raise Unreadable("neither a result nor an error")
        return message.result

    async def _tell(self, told: Mapping[str, object], session: Session | None) -> None:
        """Send what is not answered; what comes back does not matter."""
        try:
            async with self._posted(told, session):
                return
        except httpx.HTTPError as error:
            raise RetryLater(f"{self._named} can not be reached ({_reason(error)}).") from error

    async def _give_up(self, id_: int, session: Session | None) -> None:
        params = {"requestId": id_, "reason": "It took too long."}
        with suppress(TimeoutError, RetryLater):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._tell(notification("notifications/cancelled", params), session)

    async def _hear(self, message: Message, session: Session | None) -> None:
        """Take what the server says or asks by itself."""
        if message.method is None:
            return
        if message.id is None:
            self._on_told(message.method)
            return
        with suppress(RetryLater):
            await self._tell(reply_to(message), session)

    @asynccontextmanager
    async def _posted(
        self, message: Mapping[str, object], session: Session | None
    ) -> AsyncGenerator[httpx.Response]:
        headers = {**self._headers(session), "accept": f"{_JSON}, {_EVENTS}"}
        url = self._endpoint.url
        async with self._http.stream("POST", url, json=message, headers=headers) as reply:
            yield reply

    def _headers(self, session: Session | None) -> dict[str, str]:
        # Packed, an answer could be larger than what is counted.
        headers = {**self._endpoint.headers, "accept-encoding": "identity", "user-agent": "Postern"}
        if session is not None:
            headers["mcp-protocol-version"] = session.revision
        if session is not None and session.id is not None:
            headers["mcp-session-id"] = session.id
        return headers

    def _check(self, reply: httpx.Response, session: Session | None) -> None:
        """Raise what a status means. Servers say 404, and some 400, of a session they forgot."""
        status = reply.status_code
        if 200 <= status < 300:
            return
        sentence = f"{self._named} answers with status {status}."
        if status in (400, 404) and session is not None and session.id is not None:
            raise SessionGone(sentence)
        if status in (401, 403):
            raise Refused(f"{self._named} refuses our token (status {status}).")
        if status == 429:
            raise RateLimited(f"{self._named} asks to wait.", retry_after_seconds=None)
        if status == 503:
            raise RetryLater(sentence)
        if status < 500:
            raise Refused(sentence)
        raise OutcomeUnknown(sentence)

    async def _messages(self, reply: httpx.Response) -> AsyncGenerator[Message]:
        kind = _kind(reply)
        if kind == _EVENTS:
            async with aclosing(self._events(reply, is_limited=True)) as messages:
                async for message in messages:
                    yield message
        elif kind == _JSON:
            chunks = [chunk async for chunk in self._limited(reply)]
            for message in self._read(b"".join(chunks)):
                yield message
        else:
            raise Unreadable(f'the media type "{cleaned(kind, 60)}"')

    async def _events(self, reply: httpx.Response, *, is_limited: bool) -> AsyncGenerator[Message]:
        decoder = EventDecoder(self._endpoint.limit_bytes)
        chunks = self._limited(reply) if is_limited else reply.aiter_raw()
        try:
            async for chunk in chunks:
                for frame in decoder.feed(chunk):
                    for message in self._read(frame.data.encode()):
                        yield message
        except EndlessEvent:
            raise self._too_much() from None

    def _read(self, said: bytes) -> list[Message]:
        """Read messages; a server that says our token back tells it to nobody."""
        for secret in self._secrets:
            said = said.replace(secret, _OUR_TOKEN)
        return read_messages(said)

    async def _limited(self, reply: httpx.Response) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in reply.aiter_raw():
            size += len(chunk)
            if size > self._endpoint.limit_bytes:
                raise self._too_much()
            yield chunk

    def _too_much(self) -> Unreadable:
        return Unreadable(f"more than {self._endpoint.limit_bytes:,} bytes")


def secrets_of(headers: Mapping[str, str]) -> list[bytes]:
    """Return what shows who we are, also as some write it in JSON."""
    tokens = {value.removeprefix("Bearer ") for value in headers.values()}
    written = {form for token in tokens for form in (token, token.replace("/", "\\/"))}
    return [form.encode() for form in sorted(written) if len(form) >= _SHORTEST_SECRET]


def _session_id(headers: httpx.Headers) -> str | None:
    """Return the id; raises Unreadable for one that no header can hold."""
    found = headers.get("mcp-session-id")
    if found is None:
        return None
    if 0 < len(found) <= _LONGEST_ID and found.isascii() and found.isprintable():
        return found
    raise Unreadable("a session id that can not be used")


def _kind(reply: httpx.Response) -> str:
    return reply.headers.get("content-type", "").partition(";")[0].strip().lower()


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, Unreadable) else type(error).__name__
