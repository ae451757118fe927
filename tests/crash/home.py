"""A data directory and a port, and the gateway processes that come and go there."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.fakes.patience import PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Home:
    """Where a gateway lives from one death to the next."""

    data_dir: Path
    port: int

    @property
    def url(self) -> str:
        """Where its web door is."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def gateway(
        self, *, die_at: str = "", settings: Mapping[str, str] | None = None
    ) -> AsyncGenerator[asyncio.subprocess.Process]:
        """Run a gateway process; it is stopped gently at the end, if it still lives."""
        environment = {
            "PATH": os.environ["PATH"],
            "POSTERN_DATA_DIR": str(self.data_dir),
            "POSTERN_HTTP__PORT": str(self.port),
            "POSTERN_ACCESS__MESSAGES_PER_MINUTE": "0",  # what writes here is faster than people
            "DIE_AT": die_at,
            **(settings or {}),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.crash.gateway_process", env=environment
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()

    async def until_ready(self) -> None:
        """Wait until the gateway that was just started serves."""
        await self._until(lambda status: "postern_lanes_ready" in status)

    async def until_idle(self) -> None:
        """Wait until every turn has ended and every answer has gone out."""
        await self._until(
            lambda status: (
                "postern_turns_running 0.0" in status and "postern_deliveries_open 0.0" in status
            )
        )

    async def _until(self, is_so: Callable[[str], bool]) -> None:
        """Look at the metrics again and again; there is nobody who could tell."""
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            httpx.AsyncClient(base_url=self.url) as client,
        ):
            while not is_so(await _metrics(client)):  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.05)


async def _metrics(client: httpx.AsyncClient) -> str:
    try:
        return (await client.get("/metrics")).text
    except httpx.TransportError:
        return ""


class Ada:
    """A person at the web door. Her client repeats what was not acknowledged."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def asks(self, text: str) -> list[str]:
        """Write, and wait for the answer, over however many deaths of the gateway."""
        key = str(uuid.uuid4())
        while True:
            try:
                answer = await self._client.post(
                    "/chat",
                    json={"agent_id": "postern", "message": text},
                    headers={"Idempotency-Key": key},
                )
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                return [message["text"] for message in answer.json()["messages"]]

    async def sees(self) -> list[tuple[str, str]]:
        """Return the whole conversation as a reloaded page shows it."""
        answer = await self._client.get("/history/postern")
        return [(entry["role"], entry["text"]) for entry in answer.json()["messages"]]

    async def until_she_sees(self, count: int) -> None:
        """Look at the page again and again, until it shows so many messages."""
        while len(await self.sees()) < count:  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.05)

    async def meet(self) -> None:
        """Open the page once, so that the browser has its cookie before anything can go wrong."""
        while True:
            try:
                (await self._client.get("/")).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            return
