"""Speech to text by an OpenAI-compatible service: `POST <base>/audio/transcriptions`, one try.

Such services tell by a file's name what it is, and refuse what the name tells wrongly; so it is
named by its own first bytes, whatever its sender calls it. Redirects are not followed, and of
what a service says nothing but the words is passed on.

Source: platform.openai.com/docs/api-reference/audio/createTranscription.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import RateLimited, Refused, RetryLater
from gateway.text.storable import storable

_CONNECT_SECONDS = 5.0
_KINDS = (
    ("ogg", "audio/ogg", re.compile(rb"OggS")),
    ("m4a", "audio/mp4", re.compile(rb".{4}ftyp", re.DOTALL)),
    ("mp3", "audio/mpeg", re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")),
    ("webm", "audio/webm", re.compile(rb"\x1aE\xdf\xa3")),
    ("wav", "audio/wav", re.compile(rb"RIFF.{4}WAVE", re.DOTALL)),
    ("flac", "audio/flac", re.compile(rb"fLaC")),
)
"""What these services take: the ending that tells it, its media type, and how it begins."""
_REFUSALS = {
    400: "the service that listens can not read it",
    401: "the service that listens does not take the gateway's key",
    403: "the service that listens does not take the gateway's key",
    413: "it is too large for the service that listens",
    415: "the service that listens can not read it",
    422: "the service that listens can not read it",
}


@dataclass(frozen=True, slots=True)
class TranscriberOptions:
    """Where the service is, and what it is asked."""

    base_url: str
    """With the version in it: `https://api.openai.com/v1`."""
    model: str
    api_key: str = field(default="", repr=False)
    """None is sent when empty."""
    answer_bytes: int = 1_000_000
    """The largest answer that is read."""


class _Answer(BaseModel):
    """What the service says of a recording, as far as we read it."""

    model_config = ConfigDict(extra="ignore", strict=True)

    text: str


class OpenAITranscriber:
    """Implements `Transcriber`. It never waits longer than its caller does."""

    def __init__(self, options: TranscriberOptions, http: httpx.AsyncClient) -> None:
        self._options = options
        self._http = http
        # Packed, an answer could be larger than what is counted.
        self._headers = {"accept-encoding": "identity", "user-agent": "Postern"}
        if options.api_key:
            self._headers["authorization"] = f"Bearer {options.api_key}"

    async def transcribe(self, data: bytes) -> str:
        """Return what is said in it; see the port."""
        ending, media_type = _kind_of(data)
        url = f"{self._options.base_url}/audio/transcriptions"
        form = {"model": self._options.model, "response_format": "json"}
        files = {"file": (f"recording.{ending}", data, media_type)}
        try:
            async with self._http.stream(
                "POST", url, data=form, files=files, headers=self._headers
            ) as reply:
                _check(reply.status_code)
                return _text_in(await self._read(reply))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RetryLater("the service that listens can not be reached") from error

    async def _read(self, reply: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in reply.aiter_raw():
            body += chunk
            if len(body) > self._options.answer_bytes:
                raise Refused("the service that listens answers without an end")
        return bytes(body)


@asynccontextmanager
async def open_transcriber(options: TranscriberOptions) -> AsyncGenerator[OpenAITranscriber]:
    """Yield one whose connections are closed at the end."""
    timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
    async with httpx.AsyncClient(timeout=timeout, follow_redirects=False) as http:
        yield OpenAITranscriber(options, http)


def _kind_of(data: bytes) -> tuple[str, str]:
    """Return the ending and the media type that the first bytes tell of; raises Refused."""
    for ending, media_type, beginning in _KINDS:
        if beginning.match(data):
            return ending, media_type
    raise Refused("it is no recording of a known kind")


def _check(status: int) -> None:
    """Raise what a status means; the body of a failure is read by nobody."""
    if status == 200:
        return
    if status == 429:
        raise RateLimited("the service that listens has too much to do")
    if status == 408 or status >= 500:
        raise RetryLater("the service that listens is out of order")
    raise Refused(_REFUSALS.get(status, f"the service that listens answered {status}"))


def _text_in(body: bytes) -> str:
    try:
        return storable(_Answer.model_validate_json(body).text).strip()
    except ValidationError:
        raise Refused("the service that listens answered something else than words") from None
