"""The few calls of S3 that artifacts need, signed, with failures in our words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

import httpx

from gateway.errors import StoreUnavailable
from gateway.ports import Clock
from storage.artifacts.s3.signing import Credentials, Wish, encoded, query_string, signed_headers

_TRIES = 3
_FIRST_WAIT_SECONDS = 0.2
_META = "x-amz-meta-"


@dataclass(frozen=True, slots=True)
class BucketOptions:
    """Where a bucket is, and with whose rights it is used."""

    name: str
    prefix: str = ""
    """What all our keys there begin with; a slash follows it when it is not empty."""
    endpoint: str | None = None
    """Amazon's when None."""
    region: str = "us-east-1"
    key_id: str = ""
    secret: str = ""
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as a listing shows it."""

    key: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: the facts that we keep with it, and its bytes when they were asked for."""

    tag: str
    """S3's own ETag, for conditions; not the digest of the contents."""
    media_type: str
    facts: Mapping[str, str]
    data: bytes = field(default=b"", repr=False)


class Bucket:
    """A bucket. Every method raises StoreUnavailable when S3 can not do it now, or never will."""

    def __init__(self, options: BucketOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._endpoint = options.endpoint or f"https://s3.{options.region}.amazonaws.com"
        self._host = httpx.URL(self._endpoint).netloc.decode()
        self._credentials = Credentials(options.key_id, options.secret, options.region)
        self._http = httpx.AsyncClient(timeout=options.timeout_seconds)

    async def close(self) -> None:
        """Let the connections go."""
        await self._http.aclose()

    async def head(self, key: str) -> Stored | None:
        """Return the facts of an object; None when there is none."""
        return _stored(await self._ask("HEAD", key), b"")

    async def get(self, key: str) -> Stored | None:
        """Return an object with its bytes; None when there is none."""
        answer = await self._ask("GET", key)
        return _stored(answer, answer.content)

    async def put(
        self, key: str, data: bytes, stored: Stored | None, facts: Mapping[str, str], kind: str
    ) -> bool:
        """Write an object in the place of `stored`; False when that is not what is there now."""
        condition = {"if-none-match": "*"} if stored is None else {"if-match": stored.tag}
        headers = {**condition, "content-type": kind}
        headers |= {f"{_META}{name}": value for name, value in facts.items()}
        answer = await self._ask("PUT", key, headers=headers, body=data)
        return answer.status_code not in (404, 409, 412)

    async def copy(self, key: str, stored: Stored, target: str) -> bool:
        """Copy an object with its facts; False when it is not what is there now."""
        source = f"/{self._options.name}{self._path(key)}"
        headers = {
            "x-amz-copy-source": encoded(source, safe="/"),
            "x-amz-copy-source-if-match": stored.tag,
        }
        answer = await self._ask("PUT", target, headers=headers)
        return answer.status_code not in (404, 409, 412)

    async def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        await self._ask("DELETE", key)

    async def entries(
        self, prefix: str, after: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Entry]:
        """Go through the objects whose keys begin so, in the order of their keys."""
        query = {"list-type": "2", "prefix": self._path(prefix)[1:]}
        if after is not None:
            query["start-after"] = self._path(after)[1:]
        count = 0
        while True:
            if limit is not None:
                query["max-keys"] = str(min(1000, limit - count))
            page = await self._ask("GET", None, query=query)
            found, query["continuation-token"] = _listing(page.content)
            for key, size in found:
                yield Entry(key.removeprefix(self._path("")[1:]), size)
            count += len(found)
            if not query["continuation-token"] or (limit is not None and count >= limit):
                return

    def _path(self, key: str) -> str:
        prefix = self._options.prefix.strip("/")
        return f"/{prefix}/{key}" if prefix else f"/{key}"

    async def _ask(
        self,
        method: str,
        key: str | None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> httpx.Response:
        path = f"/{self._options.name}{'' if key is None else self._path(key)}"
        wish = Wish(method, self._host, path, query or {}, headers or {}, body)
        wait = _FIRST_WAIT_SECONDS
        for _try in range(_TRIES - 1):
            try:
                return await self._send(wish)
            except _InTrouble:
                await asyncio.sleep(wait)
                wait *= 2
        return await self._send(wish)

    async def _send(self, wish: Wish) -> httpx.Response:
        query = query_string(wish.query)
        url = f"{self._endpoint}{encoded(wish.path, safe='/')}{f'?{query}' if query else ''}"
        headers = signed_headers(wish, self._credentials, self._clock.now())
        try:
            answer = await self._http.request(wish.method, url, content=wish.body, headers=headers)
        except httpx.HTTPError as error:
            raise _InTrouble(
                f'The bucket "{self._options.name}" can not be reached: {type(error).__name__}.'
            ) from error
        code = _code(answer.content) if answer.is_error else ""
        if answer.status_code in (200, 204, 404, 409, 412) and code != "NoSuchBucket":
            return answer
        kind = _InTrouble if answer.status_code >= 500 else StoreUnavailable
        raise kind(
            f'The bucket "{self._options.name}" answered {answer.status_code} '
            f"({code or answer.reason_phrase}) to {wish.method}."
        )


class _InTrouble(StoreUnavailable):
    """Asked again it may work at once."""


def _stored(answer: httpx.Response, data: bytes) -> Stored | None:
    if answer.status_code == 404:
        return None
    facts = {
        name.removeprefix(_META): value
        for name, value in answer.headers.items()
        if name.startswith(_META)
    }
    kind = answer.headers.get("content-type", "application/octet-stream")
    return Stored(answer.headers.get("etag", ""), kind, facts, data)


def _listing(page: bytes) -> tuple[list[tuple[str, int]], str]:
    """Return the keys with their sizes, and the token of the next page, "" when it is the last."""
    root = _parsed(page)
    if root is None:
        raise StoreUnavailable("The bucket's listing can not be read.")
    found = [
        (each.findtext("{*}Key", ""), int(each.findtext("{*}Size", "0")))
        for each in root.findall("{*}Contents")
    ]
    return found, root.findtext("{*}NextContinuationToken", "")


def _code(body: bytes) -> str:
    """Return S3's word for what went wrong, of an answer that is an error."""
    root = _parsed(body) if b"<Error" in body[:200] else None
    return "" if root is None else root.findtext("{*}Code", "") or root.findtext("Code", "")


def _parsed(body: bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(body)  # noqa: S314 - of the operator's own S3 service
    except ElementTree.ParseError:
        return None
