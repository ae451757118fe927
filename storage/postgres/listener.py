"""One connection that hears what other workers' commits made ready. Losing it loses no work."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from storage.postgres.client import FAILURES
from storage.postgres.database import CHANNEL, Database
from storage.signals import ALL

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
ALIVE_SECONDS = 30.0
"""How often a silent connection is asked whether it is still there."""


class Listener:
    """Sets the events of this process when another worker's commit made something ready.

    While the connection is lost, or where LISTEN is off (behind some poolers),
    nothing is heard; whoever waits for the events asks by itself from time to time.
    """

    def __init__(self, database: Database, is_listening: asyncio.Event) -> None:
        self._database = database
        self._is_listening = is_listening
        self._is_settled = asyncio.Event()
        self._is_settled.set()

    async def work(self) -> None:
        """Listen until cancelled; reconnect as needed."""
        while True:
            try:
                await self._listen()
            except FAILURES as error:
                log.warning("store_not_listening", extra={"error": type(error).__name__})
            finally:
                self._is_listening.clear()
            await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        """Return when no connection is half made: asyncpg does not take it well to be stopped."""
        await self._is_settled.wait()

    async def _connected(self) -> Any:
        self._is_settled.clear()
        try:
            return await self._database.connect()
        finally:
            self._is_settled.set()

    async def _listen(self) -> None:
        connection = await self._connected()
        try:
            lost = asyncio.Event()

            def lost_now(_: object) -> None:
                lost.set()

            connection.add_termination_listener(lost_now)
            (row,) = await connection.fetch("SELECT current_schema() AS schema")
            await connection.add_listener(CHANNEL, self._heard(row["schema"]))
            # What was said before this moment was not heard.
            self._database.signals.give(ALL)
            self._is_listening.set()
            while not lost.is_set():
                await _until_lost(lost)
                await connection.execute("SELECT 1", timeout=ALIVE_SECONDS)
        finally:
            connection.terminate()

    def _heard(self, schema: str) -> Any:
        def hear(_connection: object, _pid: int, _channel: str, said: str) -> None:
            where, sender, given = said.rsplit(" ", 2)
            if where == schema and sender != self._database.sender:
                self._database.signals.give(given)

        return hear


async def _until_lost(lost: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(lost.wait(), ALIVE_SECONDS)
    except TimeoutError:
        return
