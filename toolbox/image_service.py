"""Pictures from an OpenAI-compatible service: `POST <base>/images/generations`, one try.

Says by its errors what surely was not made (Refused, RetryLater), and what may have been
(OutcomeUnknown). Only a picture within the answer is taken: no address in it is followed.

Source: platform.openai.com/docs/api-reference/images/create.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.domain.artifacts import picture_type
from gateway.errors import BadInput, OutcomeUnknown, RateLimited, Refused, RetryLater

_CONNECT_SECONDS = 5.0
_BESIDE_BYTES = 100_000
"""What an answer has around the picture."""
_ALWAYS_WITHIN = ("gpt-image", "chatgpt-image")
"""How models are called that always answer with the picture, and refuse to be asked for it."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.InvalidURL)
_NOT_OURS = "Tell the person that the operator of this gateway has to look at it."
_REFUSED = "The image service refuses this description. Say it differently, or leave it."
_KEY = f"The image service does not take the gateway's key. {_NOT_OURS}"


@dataclass(frozen=True, slots=True)
class ImageServiceOptions:
    """Where the service is, and what it is asked."""

    base_url: str
    """With the version in it: `https://api.openai.com/v1`."""
    model: str
    api_key: str = field(default="", repr=False)
    """None is sent when empty."""
    limit_bytes: int = 10_000_000
    """The largest picture that is taken."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the service made."""

    media_type: str
    """As its first bytes tell it."""
    data: bytes = field(repr=False)


class _Made(BaseModel):
    """One picture of an answer."""

    model_config = ConfigDict(extra="ignore", strict=True)

    b64_json: str


class _Answer(BaseModel):
    """What the service says, as far as we read it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    data: Annotated[list[_Made], Field(min_length=1)]


class ImageService:
    """Makes one picture at a time. It never waits longer than its caller does."""

    def __init__(self, options: ImageServiceOptions, http: httpx.AsyncClient) -> None:
        self._options = options
        self._http = http
        # Packed, an answer could be larger than what is counted.
        self._headers = {"accept-encoding": "identity", "user-agent": "Postern"}
        if options.api_key:
            self._headers["authorization"] = f"Bearer {options.api_key}"

    async def make(self, description: str, size: str) -> Picture:
        """Return a picture of it; `size` is `<width>x<height>`. See the module for its errors."""
        body: dict[str, object] = {"model": self._options.model, "prompt": description}
        body |= {"n": 1, "size": size}
        if not self._options.model.rpartition("/")[2].startswith(_ALWAYS_WITHIN):
            body["response_format"] = "b64_json"
        url = f"{self._options.base_url}/images/generations"
        try:
            async with self._http.stream("POST", url, json=body, headers=self._headers) as reply:
                _check(reply.status_code)
                return self._picture_in(await self._read(reply))
        except _NEVER_SENT as error:
            raise RetryLater("The image service can not be reached. Try again later.") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(
                "The image service broke off: the picture may have been made, and is lost."
            ) from error

    async def _read(self, reply: httpx.Response) -> bytes:
        most = self._options.limit_bytes * 4 // 3 + _BESIDE_BYTES
        body = bytearray()
        async for chunk in reply.aiter_raw():
            body += chunk
            if len(body) > most:
                raise self._too_large()
        return bytes(body)

    def _picture_in(self, body: bytes) -> Picture:
        try:
            data = base64.b64decode(_Answer.model_validate_json(body).data[0].b64_json)
        except (ValidationError, binascii.Error, ValueError):
            raise _no_picture() from None
        if len(data) > self._options.limit_bytes:
            raise self._too_large()
        media_type = picture_type(data)
        if media_type is None:
            raise _no_picture()
        return Picture(media_type, data)

    def _too_large(self) -> OutcomeUnknown:
        most = self._options.limit_bytes
        return OutcomeUnknown(f"The picture has more than the {most:,} bytes that are taken here.")


@asynccontextmanager
async def open_image_service(options: ImageServiceOptions) -> AsyncGenerator[ImageService]:
    """Yield one whose connections are closed at the end."""
    timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False) as http:
        yield ImageService(options, http)


def _no_picture() -> OutcomeUnknown:
    return OutcomeUnknown(f"The image service answered something that is no picture. {_NOT_OURS}")


def _check(status: int) -> None:
    """Raise what a status means; the body of a failure is read by nobody."""
    if status == 200:
        return
    if status in (400, 422):
        raise BadInput(_REFUSED)
    if status in (401, 403):
        raise Refused(_KEY)
    if status == 429:
        raise RateLimited("The image service has too much to do. Try again later.")
    if status >= 500:
        raise RetryLater("The image service is out of order. Try again later.")
    raise Refused(f"The image service answered with status {status}. {_NOT_OURS}")
