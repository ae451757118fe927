"""A worker that can not do its work: it says why, and keeps what comes for the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deploy.spool import Spool
from gateway.domain.conversations import Conversation
from gateway.domain.handed import Handed
from gateway.domain.ids import WorkerId
from gateway.domain.leases import Lease
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Sender
from gateway.errors import StoreUnavailable

log = logging.getLogger(__name__)

_RETRY_SECONDS = 5.0


class StoppedWorker:
    """Stands in a worker's place while the operator has to change something."""

    def __init__(self, sentence: str, spool: Spool) -> None:
        self._sentence = sentence
        self._spool = spool
        self.app = Starlette(routes=[Route("/health", self._health), Route("/ready", self._ready)])

    async def serve(self, stop: asyncio.Event, on_ready: Callable[[], None] = lambda: None) -> None:
        """Say why it is stopped, and wait until the container is."""
        log.critical("worker_stopped", extra={"error": self._sentence})
        on_ready()
        await stop.wait()

    async def handle(self, handed: Handed) -> int:
        """Keep the request on the Volume; it does not return before it is there."""
        while True:
            try:
                await asyncio.to_thread(self._spool.put, handed)
            except OSError as error:
                log.error("request_not_spooled", extra={"error": str(error)})  # noqa: TRY400 - a sentence
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            return 202

    async def accept(self, message: InboundMessage, fence: int) -> None:
        """Take nothing from a listener: it fetches it again later."""
        raise StoreUnavailable(self._sentence)

    async def admits(self, sender: Sender, place: Conversation) -> bool:
        """Know nobody."""
        raise StoreUnavailable(self._sentence)

    async def heard_own(self, conversation: Conversation, nonce: str) -> None:
        """Know nothing of it."""

    async def newest_events(self, platform: str) -> list[tuple[Conversation, str]]:
        """Know nothing."""
        raise StoreUnavailable(self._sentence)

    async def take(
        self, place: str, holder: WorkerId, now: datetime, length: timedelta
    ) -> Lease | None:
        """Give no place: whoever holds one lets go."""
        return None

    async def let_go(self, place: str, lease: Lease, now: datetime) -> None:
        """Nobody has a place here."""

    async def sweep(self) -> dict[str, object]:
        """Tell why nothing is done."""
        return {"stopped": self._sentence, "has_work": False, "needs_listener": False}

    async def status(self) -> dict[str, object]:
        """Tell it as `/ready` does."""
        store = {"ready": False, "state": self._sentence}
        return {"ready": False, "store": store, "channels": {}}

    async def wake(self, agent: str) -> list[str]:
        """Wake nobody."""
        raise StoreUnavailable(self._sentence)

    async def activity(self, agent: str, limit: int) -> list[dict[str, object]]:
        """Know of nothing that anybody did."""
        raise StoreUnavailable(self._sentence)

    async def stay(self) -> None:
        """There is nothing to stay for."""

    async def _health(self, request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def _ready(self, request: Request) -> JSONResponse:
        return JSONResponse(await self.status(), 503)
