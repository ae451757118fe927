"""Group commit: calls of one kind that wait at the same time share one transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from gateway.errors import PosternError, StoreUnavailable
from storage.postgres.database import Database, Transaction

Request = TypeVar("Request")
Result = TypeVar("Result")

BATCH_LIMIT = 256
"""At most so many calls share a commit, so that none waits long for its neighbours."""


class Group(Generic[Request, Result]):
    """Runs waiting requests together, in the order they came; one transaction at a time.

    `run` answers each request with a result or an error of ours. Requests with
    the same key never share a batch, so `run` need not think of repeats. A
    caller that is cancelled leaves its request to the batch. The running
    commit is the only delay.
    """

    def __init__(
        self,
        database: Database,
        run: Callable[[Transaction, Sequence[Request]], Awaitable[Sequence[Result | PosternError]]],
        key: Callable[[Request], Hashable] | None = None,
    ) -> None:
        self._database = database
        self._run = run
        self._key = key
        self._waiting: deque[tuple[Request, asyncio.Future[Result]]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_closed = False
        self.commits = 0
        """How many batches were committed."""

    async def __call__(self, request: Request) -> Result:
        """Run the request in the next batch; returns when that is on the disk."""
        if self._is_closed:
            raise StoreUnavailable("The store is closed.")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._idle.clear()
        self._wake.set()
        return await future

    async def work(self) -> None:
        """Commit batch after batch until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._take():
                await self._commit(batch)
            self._idle.set()

    async def close(self) -> None:
        """Take nothing more, and return when everything that waited is written."""
        self._is_closed = True
        await self._idle.wait()

    def _take(self) -> list[tuple[Request, asyncio.Future[Result]]]:
        batch: list[tuple[Request, asyncio.Future[Result]]] = []
        keys: set[Hashable] = set()
        while self._waiting and len(batch) < BATCH_LIMIT:
            key = self._key(self._waiting[0][0]) if self._key else len(batch)
            if key in keys:
                break
            keys.add(key)
            batch.append(self._waiting.popleft())
        return batch

    async def _commit(self, batch: list[tuple[Request, asyncio.Future[Result]]]) -> None:
        requests = [request for request, _ in batch]
        try:
            results = await self._database.write(self._run, requests)
        except StoreUnavailable as error:
            results = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - the batch's edge: it is its own caller's only
            await self._commit_one_by_one(batch, error)
            return
        self.commits += 1
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, PosternError):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _commit_one_by_one(
        self, batch: list[tuple[Request, asyncio.Future[Result]]], error: Exception
    ) -> None:
        """Find whose error it is: nobody else's request may fail for it."""
        if len(batch) > 1:
            for one in batch:
                await self._commit([one])
            return
        _, future = batch[0]
        if not future.done():
            future.set_exception(error)
