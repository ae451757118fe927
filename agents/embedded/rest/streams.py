"""Server-sent events: a run's stream as an HTTP answer."""

import json
from collections.abc import AsyncIterator
from typing import TypeAlias

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from agents.embedded.errors import ApprovalPending
from agents.embedded.ids import new_id
from agents.embedded.rest.deps import Services
from agents.embedded.steps.loop import ping_json
from agents.embedded.steps.stream import DONE, RunStream, encode

Piece: TypeAlias = tuple[bytes, bool]
"""Some events, and whether they are the last ones."""


class EventStream(Response):
    """Server-sent events, without a watch for readers who leave.

    What is said to one who left goes nowhere, and the stream ends with its run in any case.
    The watch would be a task of its own, which costs a short turn a tenth of its time. The end
    of the answer goes out with its last piece: alone it would wake the reader once more.
    """

    media_type = "text/event-stream"

    def __init__(self, pieces: AsyncIterator[Piece]) -> None:
        self.status_code = 200
        self.background = None
        self._pieces = pieces
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all."""
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        async for data, is_last in self._pieces:
            await send({"type": "http.response.body", "body": data, "more_body": not is_last})


async def run_stream(
    services: Services, run_id: str, *, starting_after: int = 0, pings: bool = True
) -> EventStream:
    """Every event of a run after this number: what was, then what comes.

    A reader may leave at any time; the run goes on.
    """
    stream = await services.runs.stream(run_id)
    return EventStream(_events(stream, starting_after, services.options.ping_seconds, pings))


def refusal_stream(error: ApprovalPending) -> EventStream:
    """A turn that may not begin, told inside a stream, as Letta does in conversations.

    Letta gives this error type only; the code and the message id are ours.
    """
    run_id = new_id("run")
    failure = {
        "message_type": "error_message",
        "run_id": run_id,
        "error_type": "internal_error",
        "message": error.detail,
        "detail": error.detail,
        "code": "PENDING_APPROVAL",
        "pending_request_id": error.message_id,
    }
    events = [
        encode(1, ping_json(run_id)),
        encode(2, {"message_type": "stop_reason", "stop_reason": "error"}),
        encode(3, failure, is_error=True),
    ]
    return EventStream(_once(b"".join(event.data for event in events) + DONE))


async def _events(
    stream: RunStream, starting_after: int, ping_seconds: float, pings: bool
) -> AsyncIterator[Piece]:
    async for data in stream.read(starting_after, ping_seconds):
        if data is not None:
            yield data, stream.is_closed
        elif pings:
            yield f"data: {json.dumps(ping_json(stream.run_id))}\n\n".encode(), False


async def _once(data: bytes) -> AsyncIterator[Piece]:
    yield data, True
