"""A loop on virtual time that runs what is ready in an order of its own choosing."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.fakes.virtual_time import VirtualTimeLoop

T = TypeVar("T")


@dataclass(slots=True)
class _Line:
    """A task's place in the dice's eyes: derived from its parent's, never from an address."""

    number: int
    children: int = 0
    turns: int = 0


_LINE: ContextVar[_Line] = ContextVar("line")


class SeededLoop(VirtualTimeLoop):
    """Where asyncio runs ready tasks first in, first out, this one lets a seed decide.

    The key of each step is made from the seed, the task and the task's own count
    of steps. So tasks that are being torn down, whose order asyncio leaves to
    memory addresses, do not change the order of the others.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._root = _Line(seed)
        # The queue of asyncio's own loop: private, and the only place where order is decided.
        self._ready = _Ready(self._root)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        """Give each task a line of its own."""
        parent = _LINE.get(self._root)
        parent.children += 1
        own = context or copy_context()
        own.run(_LINE.set, _Line(hash((parent.number, parent.children))))
        return super().create_task(coro, name=name, context=own)


class _Ready:
    """What is ready, as asyncio's loop uses its queue; the smallest key comes first."""

    def __init__(self, root: _Line) -> None:
        self._root = root
        self._heap: list[tuple[int, int, asyncio.Handle]] = []
        self._count = 0

    def append(self, handle: asyncio.Handle) -> None:
        line = handle._context.get(_LINE, self._root)  # pyright: ignore[reportPrivateUsage]
        line.turns += 1
        self._count += 1
        key = hash((line.number, line.turns))
        heapq.heappush(self._heap, (key, self._count, handle))

    def popleft(self) -> asyncio.Handle:
        return heapq.heappop(self._heap)[2]

    def clear(self) -> None:
        self._heap.clear()

    def __len__(self) -> int:
        return len(self._heap)
