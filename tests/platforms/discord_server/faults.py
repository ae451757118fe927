"""Scripted trouble on REST requests: which request, what happens, how often.

Gateway trouble (cuts, RECONNECT, doubled events) is asked of `Gateway` itself.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.platforms.discord_server.requests import Call

Predicate = Callable[[Call], bool]


@dataclass(frozen=True, slots=True)
class LoseReply:
    """The request is carried out, and the connection is reset before the answer."""


@dataclass(frozen=True, slots=True)
class CutBefore:
    """The connection is reset and the request is not carried out."""


@dataclass(frozen=True, slots=True)
class Fail:
    """A 5xx; `carried_out`: the work was done all the same. Or a refusal with its code."""

    status: int
    carried_out: bool = False
    code: int = 0


@dataclass(frozen=True, slots=True)
class TooMany:
    """A 429 that says how long to wait. Scope: user, global or shared."""

    retry_after_seconds: float
    scope: str = "user"
    from_discord: bool = True
    """False: no Via header, as in a Cloudflare ban."""


@dataclass(frozen=True, slots=True)
class Delay:
    """The request waits before it is carried out."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """The request waits until the test lets it go: no guessing at times."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    after: bool = False
    """True: it is carried out first and only the answer waits."""

    def release(self) -> None:
        self.released.set()


Trouble = LoseReply | CutBefore | Fail | TooMany | Delay | Hold


@dataclass(slots=True)
class Fault:
    """One scripted trouble, and how often it is still to come."""

    where: str
    """ "METHOD /path/pattern" without /api/v10; * stands for anything, also as method."""

    trouble: Trouble
    times: int | None = 1
    """None: always."""

    skip: int = 0
    """Matching requests that pass unharmed first."""

    when: Predicate | None = None
    hits: int = 0

    def matches(self, call: Call) -> bool:
        method, _, pattern = self.where.partition(" ")
        if method not in ("*", call.method) or not fnmatchcase(call.path, pattern):
            return False
        return self.when is None or self.when(call)


class Faults:
    """The script. The first fault that matches a request is the one that happens."""

    def __init__(self) -> None:
        self.script: list[Fault] = []

    def add(
        self,
        where: str,
        trouble: Trouble,
        *,
        times: int | None = 1,
        skip: int = 0,
        when: Predicate | None = None,
    ) -> Fault:
        """Add trouble for requests like "POST /channels/*/messages"; returns its record."""
        fault = Fault(where, trouble, times, skip, when)
        self.script.append(fault)
        return fault

    def lose_reply(self, where: str, *, times: int | None = 1, skip: int = 0) -> Fault:
        return self.add(where, LoseReply(), times=times, skip=skip)

    def cut(self, where: str, *, times: int | None = 1, skip: int = 0) -> Fault:
        return self.add(where, CutBefore(), times=times, skip=skip)

    def fail(self, where: str, status: int = 503, *, times: int | None = 1) -> Fault:
        return self.add(where, Fail(status), times=times)

    def too_many(self, where: str, retry_after_seconds: float, *, scope: str = "user") -> Fault:
        return self.add(where, TooMany(retry_after_seconds, scope))

    def delay(self, where: str, seconds: float, *, times: int | None = 1) -> Fault:
        return self.add(where, Delay(seconds), times=times)

    def hold(self, where: str, *, after: bool = False) -> Hold:
        """Stop the next such request; await `reached`, then `release()` it."""
        hold = Hold(after=after)
        self.add(where, hold)
        return hold

    def clear(self) -> None:
        self.script.clear()

    def take(self, call: Call) -> Trouble | None:
        """Give the trouble that this request is due, and count it."""
        for fault in self.script:
            if fault.times == 0 or not fault.matches(call):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            return fault.trouble
        return None
