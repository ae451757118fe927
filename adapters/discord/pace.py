"""Keeps all our REST calls below the bot's global limit, the urgent ones first."""

from __future__ import annotations

import asyncio
import heapq
from enum import IntEnum
from itertools import count

_BURST = 4
_ROUNDING = 1e-6
"""Seconds; a timer's moment never misses what it was set for by more."""


class Urgency(IntEnum):
    """Who goes first when calls have to wait."""

    ANSWER = 0
    LOOK_UP = 1
    BACKFILL = 2


class Pace:
    """Lets `per_second` calls pass, and a few at once after a pause.

    In no second more than `per_second` + 4 pass, whatever waits: discord.py gives
    up a call that met the global limit five times, so it is never to be met.
    """

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._spent_until = 0.0
        """The moment at which everything taken so far is paid for."""
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, urgency: Urgency) -> None:
        """Return when the call may be made."""
        if not self._waiting and self._has_room(_BURST):
            self._spend()
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._order), turn))
        self._wake_later()
        await turn

    @property
    def has_room(self) -> bool:
        """Whether there is room to spare, for what may as well be left out."""
        return not self._waiting and self._has_room(_BURST // 2)

    def try_take(self) -> bool:
        """Whether a call that is only a hint may be made; it is counted."""
        has_room = self.has_room
        if has_room:
            self._spend()
        return has_room

    def _has_room(self, burst: int) -> bool:
        now = asyncio.get_running_loop().time()
        return self._spent_until - now <= (burst - 1) * self._interval + _ROUNDING

    def _spend(self) -> None:
        now = asyncio.get_running_loop().time()
        self._spent_until = max(self._spent_until, now) + self._interval

    def _wake_later(self) -> None:
        if self._timer is None:
            at = self._spent_until - (_BURST - 1) * self._interval
            self._timer = asyncio.get_running_loop().call_at(at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        while self._waiting and self._has_room(_BURST):
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._spend()
                turn.set_result(None)
        if self._waiting:
            self._wake_later()
