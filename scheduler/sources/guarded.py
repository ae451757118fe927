"""Fetches what a source holds over HTTP: limited in size, time and places, and only when new."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from gateway.errors import BadInput
from gateway.text.storable import storable
from scheduler.sources.addresses import resolved

_REDIRECTS = 5
_KEPT = {"etag": "if-none-match", "last-modified": "if-modified-since"}


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """Limits of one fetch."""

    allows_private: bool = False
    """Whether loopback and private addresses may be fetched from."""
    limit_bytes: int = 1_000_000
    timeout_seconds: float = 15.0
    """For all of it, redirects included."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, and what makes the next request a conditional one."""

    text: str
    media_type: str
    validators: Mapping[str, str]


class GuardedFetch:
    """GET and POST for addresses that people chose: no request reaches what only we can reach.

    Every hop is resolved, checked, and connected to by the address that was
    checked; the environment's proxies are not used.
    """

    def __init__(self, options: FetchOptions | None = None) -> None:
        self._options = options or FetchOptions()

    async def get(self, url: str, validators: Mapping[str, str]) -> Fetched | None:
        """Return what is there; None when it has not changed. Raises BadInput."""
        seconds = self._options.timeout_seconds
        try:
            async with asyncio.timeout(seconds), httpx.AsyncClient(trust_env=False) as client:
                return await self._follow(client, url, validators)
        except TimeoutError:
            raise BadInput(f"It did not answer within {seconds:g} seconds.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BadInput(f"It can not be read: {type(error).__name__}.") from None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send the body and return the status; no redirect is followed. Raises BadInput."""
        seconds = self._options.timeout_seconds
        try:
            async with asyncio.timeout(seconds), httpx.AsyncClient(trust_env=False) as client:
                request = await self._request(client, httpx.URL(url), headers, body)
                response = await client.send(request, stream=True)
                await response.aclose()
        except TimeoutError:
            raise BadInput(f"It did not answer within {seconds:g} seconds.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise BadInput(f"It can not be reached: {type(error).__name__}.") from None
        return response.status_code

    async def _follow(
        self, client: httpx.AsyncClient, url: str, validators: Mapping[str, str]
    ) -> Fetched | None:
        headers = {_KEPT[name]: text for name, text in validators.items() if name in _KEPT}
        target = httpx.URL(url)
        for _hop in range(_REDIRECTS + 1):
            request = await self._request(client, target, headers)
            response = await client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    return await self._read(response)
                target = target.join(response.headers["location"])
            finally:
                await response.aclose()
        raise BadInput(f"It redirects more than {_REDIRECTS} times.")

    async def _request(
        self,
        client: httpx.AsyncClient,
        url: httpx.URL,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> httpx.Request:
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise BadInput("Only plain http and https addresses can be read.")
        port = url.port or (443 if url.scheme == "https" else 80)
        address = await resolved(url.host, port, allows_private=self._options.allows_private)
        return client.build_request(
            "GET" if body is None else "POST",
            url.copy_with(host=address, fragment=None),
            content=body,
            headers={
                **headers,
                "host": url.netloc.decode("ascii"),
                "user-agent": "Postern",
                "accept-encoding": "identity",
            },
            extensions={"sni_hostname": url.host},
        )

    async def _read(self, response: httpx.Response) -> Fetched | None:
        if response.status_code == 304:
            return None
        if response.status_code != 200:
            raise BadInput(f"It answers with {response.status_code}.")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._options.limit_bytes:
                raise BadInput(f"It is over {self._options.limit_bytes:,} bytes.")
        text = _decoded(bytes(body), response.charset_encoding or "utf-8")
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Fetched(storable(text), media_type, _validators(response))


def _validators(response: httpx.Response) -> dict[str, str]:
    """Return what can be sent back; a header of ours has nothing but ASCII."""
    found = {name: response.headers[name] for name in _KEPT if name in response.headers}
    return {name: text for name, text in found.items() if text.isascii() and text.isprintable()}


def _decoded(body: bytes, encoding: str) -> str:
    """Read it as the server says, where that can be done at all: it may name any codec."""
    try:
        return body.decode(encoding, "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")
