"""A speech-to-text service on loopback that refuses what OpenAI's refuses, and hears `recording`s.

Written from the reference of `POST /v1/audio/transcriptions` and from the answers that people
report of it, not from our client: a file's name decides what it is taken for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

KEY = "sk-ears"
MODEL = "gpt-transcribe"
LARGEST_BYTES = 26_214_400
_ENDINGS = {
    "flac": (b"fLaC", 0),
    "m4a": (b"ftyp", 4),
    "mp3": (b"ID3", 0),
    "mp4": (b"ftyp", 4),
    "mpeg": (b"ID3", 0),
    "mpga": (b"ID3", 0),
    "oga": (b"OggS", 0),
    "ogg": (b"OggS", 0),
    "wav": (b"WAVE", 8),
    "webm": (b"\x1a\x45\xdf\xa3", 0),
}
"""What a name may end with, and what then has to stand where."""
_BEGINNINGS = {
    "ogg": b"OggS\0\x02",
    "m4a": b"\0\0\0\x1cftypM4A \0",
    "mp3": b"ID3\x04\0",
    "wav": b"RIFF\x24\x08\0\0WAVEfmt ",
    "webm": b"\x1a\x45\xdf\xa3\x9f",
    "flac": b"fLaC\0",
}
_MARK = b"<says>"
_FIELDS = {"file", "model", "response_format", "language", "prompt", "temperature"}


def recording(words: str, kind: str = "ogg") -> bytes:
    """Return a file of this kind in which the server hears these words."""
    return _BEGINNINGS[kind] + _MARK + words.encode()


def words_in(data: bytes) -> str:
    """Return the words that are said in a file."""
    return data.partition(_MARK)[2].decode()


@dataclass
class TranscriptionServer:
    """What it was asked, and what goes wrong."""

    asked: list[bytes] = field(default_factory=list[bytes])
    """Every recording that it listened to."""
    failures: list[int] = field(default_factory=list[int])
    """Statuses of the next answers."""
    answer: bytes | None = None
    """Said instead of the words."""
    hangs: bool = False
    largest_bytes: int = LARGEST_BYTES
    models: tuple[str, ...] = (MODEL,)
    url: str = ""
    """With the version, as a setting has it."""

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "Incorrect API key provided.")
        if self.failures:
            return _error(self.failures.pop(0), "The server had an error.")
        if request.content_type != "multipart/form-data":
            return _error(415, f"Unsupported content type: {request.content_type!r}.")
        form, file = await _read(request)
        refusal = self._refusal(form, file)
        if refusal is not None:
            return refusal
        self.asked.append(file[1])
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.answer is not None:
            return web.Response(body=self.answer, content_type="application/json")
        usage = {"type": "duration", "seconds": 2}
        return web.json_response({"text": words_in(file[1]), "usage": usage})

    def _refusal(self, form: dict[str, str], file: tuple[str, bytes]) -> web.Response | None:
        name, data = file
        if len(data) > self.largest_bytes:
            return _error(413, f"Maximum content size limit ({self.largest_bytes}) exceeded.")
        if unknown := form.keys() - _FIELDS:
            return _error(400, f"Unrecognized request argument supplied: {sorted(unknown)}")
        if not name or not form.get("model"):
            return _error(400, "you must provide a model parameter, and a file.")
        if form["model"] not in self.models:
            return _error(404, f"The model `{form['model']}` does not exist.")
        if form.get("response_format", "json") != "json":
            return _error(400, "response_format is not compatible with this model.")
        sign, place = _ENDINGS.get(name.rpartition(".")[2], (b"", -1))
        if place < 0 or data[place : place + len(sign)] != sign:
            return _error(400, f"Invalid file format. Supported formats: {sorted(_ENDINGS)}")
        return None


async def _read(request: web.Request) -> tuple[dict[str, str], tuple[str, bytes]]:
    """Return the fields, and the file's name with its bytes."""
    form, file = dict[str, str](), ("", b"")
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = bytes(await part.read())
        if part.name == "file":
            file = (part.filename or "", data)
        else:
            form[part.name or ""] = data.decode()
    return form, file


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "param": None}}, status=status)


@asynccontextmanager
async def transcription_server() -> AsyncGenerator[TranscriptionServer]:
    """Serve until the block is left."""
    server = TranscriptionServer()
    app = web.Application(client_max_size=2 * LARGEST_BYTES)
    app.router.add_post("/v1/audio/transcriptions", server.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        await runner.cleanup()
