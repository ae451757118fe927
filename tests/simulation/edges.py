"""Where faults happen: every moment just before and just after a call of a worker's ports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from gateway.errors import (
    DeliveryRefused,
    OutcomeUnknown,
    RateLimited,
    RetryLater,
    RuntimeUnavailable,
    StoreUnavailable,
)
from tests.simulation.weather import Weather

FROZEN_SECONDS = (8.0, 45.0)
"""How long a frozen worker does nothing; leases are shorter than most of it."""

_ON_THE_WIRE = {"before platform.send", "before platform.show_draft"}
"""Calls that a freeze does not hold back: a worker looks at its lease and calls at once. That one
can stand still between the two is true, and means no more than that without nonces, nobody can
rule a repeat out."""


@dataclass(slots=True)
class Sky:
    """The weather of the whole simulation; it clears up when the faults are over."""

    weather: Weather
    dice: Random
    note: Callable[[str, str], None]
    """Writes a line of the trace: who, and what."""

    def clear_up(self) -> None:
        """No more faults."""
        self.weather = Weather()

    def strikes(self, chance: float) -> bool:
        """Throw the dice; without a chance they are left alone."""
        return chance > 0.0 and self.dice.random() < chance


class Edges:
    """The moments of one worker, and what befalls it there."""

    def __init__(self, worker: str, sky: Sky, committed: Callable[[], None]) -> None:
        self._worker = worker
        self._sky = sky
        self._committed = committed
        self._frozen_until = 0.0
        self._is_buried = False
        self.crashed = asyncio.Event()
        self.kill_at: int | None = None
        """Die at this moment, counted from 1, for the enumeration of crashes."""
        self.passed: list[str] = []
        """The names of all moments so far."""

    async def pass_by(self, name: str) -> None:
        """Come to a moment; raises what goes wrong, and never returns in a dead worker."""
        if self.crashed.is_set() or name not in _ON_THE_WIRE:
            await self._be_there()
        self.passed.append(name)
        self._sky.note(self._worker, name)
        side, _, call = name.partition(" ")
        if side == "after" and call.startswith("store."):
            self._committed()
        if len(self.passed) == self.kill_at or self._sky.strikes(self._sky.weather.crash):
            self._die()
        elif name not in _ON_THE_WIRE and self._sky.strikes(self._sky.weather.freeze):
            self._freeze()
        if name in _ON_THE_WIRE:
            await self._travel()
        else:
            await self._be_there()
            if side == "before":
                await self._take_time(call)
        self._fail(side, call.rpartition(" of ")[2])

    def thaw(self) -> None:
        """Go on at the next moment."""
        self._frozen_until = 0.0

    async def _be_there(self) -> None:
        """Hang where the worker is dead, and wait where it is frozen."""
        loop = asyncio.get_running_loop()
        while not self.crashed.is_set() and (rest := self._frozen_until - loop.time()) > 0:  # noqa: ASYNC110 - it may thaw early
            await asyncio.sleep(min(rest, 5.0))
        if self._is_buried:
            raise asyncio.CancelledError
        if self.crashed.is_set():
            await loop.create_future()

    def bury(self) -> None:
        """Let nothing hang on any more: the process is gone."""
        self._is_buried = True

    def _die(self) -> None:
        self._sky.note(self._worker, "dies")
        self.crashed.set()

    def _freeze(self) -> None:
        seconds = self._sky.dice.uniform(*FROZEN_SECONDS)
        self._sky.note(self._worker, f"freezes for {seconds:.0f} s")
        self._frozen_until = asyncio.get_running_loop().time() + seconds

    async def _travel(self) -> None:
        """Let the request take its time, whatever its sender does meanwhile; the dead send none."""
        if self.crashed.is_set():
            await self._be_there()
        await asyncio.sleep(self._sky.dice.uniform(0.01, 0.1))

    async def _take_time(self, call: str) -> None:
        """Let others go first; a store takes less time than what is far away."""
        dice = self._sky.dice
        if self._sky.strikes(self._sky.weather.slow):
            await asyncio.sleep(dice.uniform(0.5, 4.0))
        elif call.startswith("store."):
            await asyncio.sleep(0.0)
        else:
            await asyncio.sleep(dice.uniform(0.01, 0.1))
        await self._be_there()

    def _fail(self, side: str, call: str) -> None:
        port, _, method = call.partition(".")
        match port, side:
            case "store", "before":
                self._raise(self._sky.weather.store_busy, [StoreUnavailable("It is busy.")])
            case "store", "after":
                self._raise(self._sky.weather.answer_lost, [StoreUnavailable("It went away.")])
            case "agents", _:
                gone = RuntimeUnavailable("The agents can not be reached.")
                self._raise(self._sky.weather.runtime_fault, [gone])
            case "platform", _ if method in {"send", "find"}:
                self._fail_on_platform(side, method)
            case _:
                pass

    def _fail_on_platform(self, side: str, method: str) -> None:
        """Fail as the port says that a platform fails."""
        weather = self._sky.weather
        not_shown = [
            RateLimited("Slow down.", retry_after_seconds=self._sky.dice.choice((0.5, 3.0))),
            RetryLater("502 Bad Gateway"),
        ]
        if method == "find":
            self._raise(weather.send_fault, not_shown)
        elif side == "before":
            self._raise(weather.refused, [DeliveryRefused("It is too ugly.")])
            self._raise(weather.send_fault, [*not_shown, OutcomeUnknown("No answer came.")])
        else:
            self._raise(weather.send_fault, [OutcomeUnknown("The connection was cut.")])

    def _raise(self, chance: float, errors: Sequence[Exception]) -> None:
        if self._sky.strikes(chance):
            error = self._sky.dice.choice(errors)
            self._sky.note(self._worker, f"  {type(error).__name__}: {error}")
            raise error
