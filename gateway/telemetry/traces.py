"""One short name for all log lines about a message, its turn and its answer, in every process."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_TURN = re.compile(r"turn-\d+")
_trace: ContextVar[str | None] = ContextVar("trace", default=None)


def trace_of(name: str) -> str:
    """Return the trace of a turn, a delivery or whatever else has an id: 16 hex digits.

    A turn is named by its first message's place in the order of arrival
    (`turn-7`), and its deliveries by the turn (`turn-7.0`): all three have one
    trace, and no process has to ask another for it.
    """
    turn = _TURN.match(name)
    named = turn[0] if turn else name
    return hashlib.blake2b(named.encode(), digest_size=8).hexdigest()


@contextmanager
def traced(name: str) -> Generator[None]:
    """Have all log lines inside carry the trace of this id, those of tasks begun there too."""
    token = _trace.set(trace_of(name))
    try:
        yield
    finally:
        _trace.reset(token)


class WithTrace(logging.Filter):
    """Gives each record the trace of what it is about, where that is known."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the trace, and always let the record pass."""
        trace = _trace.get()
        if trace is not None:
            record.trace = trace
        return True
