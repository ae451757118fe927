"""Shows that the agent is at work, for as long as its turns last."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from adapters.discord.rest import Call, Rest
from gateway.errors import PosternError

_REFRESH_SECONDS = 8.0
"""Discord's own sign lasts 10 s ("Trigger Typing Indicator")."""
_LOOK_SECONDS = 0.25


@dataclass(slots=True)
class _Sign:
    """A channel in which turns are running."""

    due_at: float
    """When to show it next, on the loop's clock."""
    turns: int = 0


class TypingSigns:
    """One sign for a channel, however many turns run there. Hints: they never fail."""

    def __init__(self, rest: Rest, after_seconds: float) -> None:
        self._rest = rest
        self._after_seconds = after_seconds
        self._signs: dict[str, _Sign] = {}
        self._some = asyncio.Event()

    @contextmanager
    def shown(self, channel: str) -> Generator[None]:
        """Show the sign while the context is open, but not for what is over at once."""
        now = asyncio.get_running_loop().time()
        sign = self._signs.setdefault(channel, _Sign(now + self._after_seconds))
        sign.turns += 1
        self._some.set()
        try:
            yield
        finally:
            sign.turns -= 1
            if sign.turns == 0:
                del self._signs[channel]

    async def run(self) -> None:
        """Show what is due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._some.wait()
                now = asyncio.get_running_loop().time()
                for channel, sign in self._signs.items():
                    if sign.due_at <= now:
                        sign.due_at = now + _REFRESH_SECONDS
                        group.create_task(self._show(channel, sign))
                if not self._signs:
                    self._some.clear()
                await asyncio.sleep(_LOOK_SECONDS)

    async def _show(self, channel: str, sign: _Sign) -> None:
        call = Call("POST", "/channels/{channel_id}/typing", {"channel_id": channel})
        try:
            was_made = await self._rest.hint(call)
        except PosternError:
            return
        if not was_made:
            sign.due_at = asyncio.get_running_loop().time() + _LOOK_SECONDS
