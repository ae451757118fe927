"""The model used when none is configured: a fixed set of skills, and plain about it.

It remembers facts with the real memory tools, recalls them from the block in its context,
tells the time, calls tools by name, and otherwise repeats what it heard.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime

from agents.embedded.ids import new_uuid
from agents.embedded.models.model import (
    CallDelta,
    ModelEvent,
    ModelRequest,
    TextDelta,
    UsageCounted,
)
from agents.embedded.models.reading import estimate_usage, words_of
from agents.embedded.models.skills import Say, decide


def _now() -> datetime:
    return datetime.now(UTC)


class OfflineModel:
    """Deterministic: the same context at the same moment gives the same reply."""

    def __init__(self, *, word_delay_seconds: float, now: Callable[[], datetime] = _now) -> None:
        self._delay = word_delay_seconds
        self._now = now

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Decide at once, then speak word by word."""
        decision = decide(request, self._now())
        said = ""
        if isinstance(decision, Say):
            said = decision.text
            for word in words_of(said):
                if self._delay:
                    await asyncio.sleep(self._delay)
                yield TextDelta(word)
        else:
            for index, call in enumerate(decision.calls):
                call_id = f"call_{new_uuid().hex[:24]}"
                yield CallDelta(index, call.arguments, call_id, call.name)
        yield UsageCounted(estimate_usage(request.system, request.messages, said))

    async def close(self) -> None:
        """Nothing to let go of."""
