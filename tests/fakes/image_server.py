"""A service on loopback that paints what it is told, and refuses what OpenAI's refuses.

Written from the reference of `POST /v1/images/generations` and from the answers that people
report of it, not from our client.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "sk-brush"
MODEL = "gpt-image-2"
OTHER_MODEL = "flux"
"""One of a vendor that answers with addresses unless it is told otherwise."""
FORBIDDEN = "something forbidden"
_FIELDS = {"model", "prompt", "n", "size", "quality", "output_format", "background"}
_SIZES = {"auto", "1024x1024", "1536x1024", "1024x1536"}
_PNG = b"\x89PNG\r\n\x1a\n"


def painting(description: str) -> bytes:
    """Return the picture that the server makes of a description."""
    return _PNG + description.encode()


@dataclass
class ImageServer:
    """What it painted, and what goes wrong."""

    painted: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Every request that it made a picture for."""
    failures: list[int] = field(default_factory=list[int])
    """Statuses of the next answers."""
    answer: bytes | None = None
    """Said instead of the picture."""
    cuts_off: bool = False
    url: str = ""
    """With the version, as a setting has it."""

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "Incorrect API key provided.")
        if self.failures:
            return _error(self.failures.pop(0), "The server had an error.")
        if request.content_type != "application/json":
            return _error(400, "We could not parse the JSON body of your request.")
        asked: dict[str, Any] = await request.json()
        refusal = _refusal(asked)
        if refusal is not None:
            return refusal
        self.painted.append(asked)
        if self.cuts_off:
            assert request.transport is not None
            request.transport.close()
            await asyncio.sleep(0)
        if self.answer is not None:
            return web.Response(body=self.answer, content_type="application/json")
        if asked["model"] == OTHER_MODEL and asked.get("response_format") != "b64_json":
            return web.json_response({"data": [{"url": "http://127.0.0.1:9/picture.png"}]})
        data = base64.b64encode(painting(asked["prompt"])).decode()
        return web.json_response({"created": 1, "data": [{"b64_json": data}]})


def _refusal(asked: dict[str, Any]) -> web.Response | None:
    known = _FIELDS if asked.get("model") == MODEL else {*_FIELDS, "response_format"}
    for name in asked.keys() - known:
        return _error(400, f"Unknown parameter: '{name}'.")
    if asked.get("model") not in (MODEL, OTHER_MODEL):
        return _error(404, f"The model `{asked.get('model')}` does not exist.")
    if not isinstance(asked.get("prompt"), str) or not 0 < len(asked["prompt"]) <= 32_000:
        return _error(400, "Missing required parameter: 'prompt'.")
    if asked.get("size", "auto") not in _SIZES or not 1 <= asked.get("n", 1) <= 10:
        return _error(400, "Invalid value.")
    if FORBIDDEN in asked["prompt"]:
        return _error(400, "Your request was rejected by the safety system.")
    return None


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "param": None}}, status=status)


@asynccontextmanager
async def image_server() -> AsyncGenerator[ImageServer]:
    """Serve until the block is left."""
    server = ImageServer()
    app = web.Application()
    app.router.add_post("/v1/images/generations", server.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        await runner.cleanup()
