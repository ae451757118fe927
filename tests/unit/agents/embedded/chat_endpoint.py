"""An OpenAI-compatible endpoint on loopback that answers what the test put into it."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Chunk = dict[str, Any]

SUBJECTS = (
    {"dog", "puppy", "hound", "barks"},
    {"sea", "boat", "boats", "harbour", "ship"},
    {"bread", "bakes", "oven", "cake"},
)
"""Words of one subject mean the same to its embeddings."""


class ChatEndpoint:
    """Answers each request with the next of `answers`, and remembers the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.answers: list[list[Chunk] | int] = []
        self.embedded: list[str] = []
        """Every text that was embedded."""
        self.is_embedding_away = False
        self.vector_size = 4
        self.ends_properly = True
        """Whether streams end with [DONE]; else their connection is cut."""

    async def answer(self, request: Request) -> Response:
        """One chat completion."""
        self.requests.append(await request.json())
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            error = {"error": {"message": "no", "type": "test"}}
            return JSONResponse(error, answer, {"x-should-retry": "false"})
        return StreamingResponse(self._stream(answer), media_type="text/event-stream")

    async def embed(self, request: Request) -> Response:
        """A vector for each text: one number for every subject, counted by its words."""
        if self.is_embedding_away:
            error = {"error": {"message": "no", "type": "test"}}
            return JSONResponse(error, 503, {"x-should-retry": "false"})
        texts: list[str] = (await request.json())["input"]
        self.embedded += texts
        data = [
            {"object": "embedding", "index": index, "embedding": self._vector(text)}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return JSONResponse({"object": "list", "data": data, "model": "m", "usage": usage})

    def _vector(self, text: str) -> list[float]:
        words = text.lower().split()
        counts = [float(sum(word in subject for word in words)) for subject in SUBJECTS]
        return [*counts, 0.01][: self.vector_size]

    async def _stream(self, chunks: list[Chunk]) -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield f"data: {json.dumps(chunk)}\n\n".encode()
        if not self.ends_properly:
            raise ConnectionError("cut by the test")
        yield b"data: [DONE]\n\n"


def delta(**fields: Any) -> Chunk:
    """A chunk of a reply. Any: whatever the endpoint may send."""
    choice = {"index": 0, "delta": fields, "finish_reason": None}
    return _chunk(choices=[choice])


def usage(prompt: int, completion: int) -> Chunk:
    """The last chunk."""
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return _chunk(choices=[], usage=counts)


def _chunk(**fields: Any) -> Chunk:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        **fields,
    }


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def serving(endpoint: ChatEndpoint) -> AsyncGenerator[None]:
    """Serve on a free port."""
    chat = Route("/v1/chat/completions", endpoint.answer, methods=["POST"])
    embeddings = Route("/v1/embeddings", endpoint.embed, methods=["POST"])
    app = Starlette(routes=[chat, embeddings])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        endpoint.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        server = _Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listener]))
            yield
            server.should_exit = True
