"""Runs what waits, a few at a time, and sees that each end is told."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta

from compute.notices import Notices
from gateway.domain.compute import Job, Outcome, Task
from gateway.domain.ids import WorkerId
from gateway.errors import BadInput, Fenced, PosternError, RetryLater, StoreUnavailable
from gateway.ports import Clock, ComputeBackend, TaskStore
from gateway.text.storable import storable

log = logging.getLogger(__name__)

NOTICES_AT_ONCE = 8
_FINISH_TRIES = 5


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker works."""

    at_once: int = 4
    lease: timedelta = timedelta(seconds=30)
    renew_seconds: float = 2.0
    """How often leases are renewed, and how soon a cancelled run is killed at the latest."""
    poll_seconds: float = 2.0
    """How soon what other processes stored is seen at the latest."""
    keep: timedelta = timedelta(days=30)
    """For so long after its end a task can be asked for."""


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What a worker works with."""

    store: TaskStore
    backend: ComputeBackend
    notices: Notices
    worker: WorkerId
    clock: Clock


class ComputeWorker:
    """One per process. A run whose lease is lost is killed; its result would not be taken."""

    def __init__(self, parts: WorkerParts, options: WorkerOptions | None = None) -> None:
        self._parts = parts
        self._store = parts.store
        self._options = options or WorkerOptions()
        self._running: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._telling: set[str] = set()
        self._news = asyncio.Event()
        self._looks = asyncio.Event()

    def tell_news(self) -> None:
        """Look now for what waits and for what was cancelled."""
        self._news.set()
        self._looks.set()

    async def run(self) -> None:
        """Run until cancelled; whatever befalls the store or a run, it goes on."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_leases())
            group.create_task(self._keep_house())
            while True:
                self._news.clear()
                await self._begin(group)
                await _signalled(self._news, self._options.poll_seconds)

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        """Start what waits and what is to be told, as far as there is room."""
        now, options = self._parts.clock.now(), self._options
        try:
            if room := options.at_once - len(self._running):
                worker = self._parts.worker
                for task in await self._store.claim(worker, now, options.lease, room):
                    run = group.create_task(self._carry_out(task))
                    self._running[task.new.id] = (task.fence, run)
                    run.add_done_callback(lambda _, name=task.new.id: self._ended(name))
            if room := NOTICES_AT_ONCE - len(self._telling):
                for task in await self._store.claim_notices(now, room):
                    self._telling.add(task.new.id)
                    group.create_task(self._tell(task))
        except StoreUnavailable as error:
            log.warning("tasks_put_off", extra={"error": str(error)})

    def _ended(self, name: str) -> None:
        self._running.pop(name, None)
        self._news.set()

    async def _carry_out(self, task: Task) -> None:
        outcome = await self._outcome(task)
        tidy = replace(outcome, text=storable(outcome.text), printed=storable(outcome.printed))
        ids = {"task": task.new.id, "function": task.new.function, "done": outcome.is_done}
        for attempt in range(_FINISH_TRIES):
            try:
                now = self._parts.clock.now()
                await self._store.finish(task.new.id, task.fence, tidy, now)
            except Fenced:
                log.info("task_lost", extra=ids)
                return
            except StoreUnavailable as error:
                log.warning("task_end_put_off", extra={**ids, "error": str(error)})
                await asyncio.sleep(2**attempt)
                continue
            log.info("task_ended", extra=ids)
            return

    async def _outcome(self, task: Task) -> Outcome:
        new = task.new
        try:
            function = await self._store.function(new.function, new.version)
            if function is None:
                return Outcome(False, f'There is no version "{new.version}" any more.')
            job = Job(function.source, function.name, new.arguments, function.limits)
            return await self._parts.backend.run(job)
        except PosternError as error:
            return Outcome(False, f"It could not be begun: {error}")
        except Exception as error:
            # The loop's edge: one task's fault must not stop the others.
            log.exception("task_failed", extra={"task": new.id})
            return Outcome(False, f"It could not be run: {type(error).__name__}.")

    async def _tell(self, task: Task) -> None:
        try:
            await self._parts.notices.tell(task)
        except (BadInput, RetryLater) as error:
            details = {"task": task.new.id, "try": task.notices, "error": str(error)}
            log.warning("task_end_not_told", extra=details)
        except Exception:
            # The loop's edge: one hearer's fault must not stop the others.
            log.exception("task_end_not_told", extra={"task": task.new.id, "try": task.notices})
        finally:
            self._telling.discard(task.new.id)
            self._news.set()

    async def _keep_leases(self) -> None:
        while True:
            await _signalled(self._looks, self._options.renew_seconds)
            self._looks.clear()
            before = dict(self._running)
            if not before:
                continue
            try:
                now, lease = self._parts.clock.now(), self._options.lease
                held = await self._store.renew(self._parts.worker, now, lease)
            except StoreUnavailable as error:
                log.warning("leases_not_renewed", extra={"error": str(error)})
                continue
            for name, (fence, run) in before.items():
                if held.get(name) != fence:
                    run.cancel()

    async def _keep_house(self) -> None:
        while True:
            try:
                before = self._parts.clock.now() - self._options.keep
                while await self._store.drop(before, 500):
                    log.info("tasks_dropped")
            except StoreUnavailable as error:
                log.warning("tasks_not_dropped", extra={"error": str(error)})
            await asyncio.sleep(3600)


async def _signalled(signal: asyncio.Event, seconds: float) -> None:
    """Return when `signal` is set, or after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await signal.wait()
    except TimeoutError:
        return
