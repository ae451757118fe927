"""The frames on their way to one open page, with bounded memory. No HTTP here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.ids import DeliveryId

FRAMES_LIMIT = 256
"""Frames that may wait for a slow page before it is dropped."""
CHARACTERS_LIMIT = 2_000_000
"""Characters in those frames; whichever limit is met first."""
DRAFT_SECONDS = 0.03
"""Shortest time between two looks at a growing answer."""
DRAFT_CHARACTERS_PER_SECOND = 400_000
"""A long draft is sent whole each time, so it is sent less often."""
LONG_TEXT = 4_000
"""Characters from which rendering takes long enough (about 8 ms) to be worth a thread."""


async def rendered(render: Callable[[str], str], text: str) -> str:
    """Render a text: a long one in a thread, so that nobody waits for it."""
    if len(text) <= LONG_TEXT:
        return render(text)
    return await asyncio.to_thread(render, text)


class Draft:
    """A growing answer. Rendered at most once per text, and only when a page wants it."""

    def __init__(self, text: str, render: Callable[[str], str]) -> None:
        self.text = text
        self._render = render
        self._frame: str | None = None

    async def frame(self) -> str:
        """Return the frame that shows it."""
        if self._frame is None:
            self._frame = await rendered(self._render, self.text)
        return self._frame


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame in both of its forms; pages ask for HTML, terminals for plain text."""

    html: str
    plain: str


class Page:
    """The frames on their way to one open socket, with bounded memory.

    `take` gives frames in the order of `put`. Of a draft only the newest text
    waits, and it comes after the frames.
    """

    def __init__(self, *, wants_html: bool = True) -> None:
        self.wants_html = wants_html
        self.is_closed = False
        self._frames: deque[str] = deque()
        self._characters = 0
        self._drafts: dict[DeliveryId, Draft] = {}
        self._next_draft_at = 0.0
        self._changed = asyncio.Event()

    @property
    def is_waiting(self) -> bool:
        """Whether anything waits to be taken."""
        return bool(self._frames or self._drafts)

    def put(self, frame: Frame) -> None:
        """Queue a frame; a page that is too far behind is closed instead."""
        if self.is_closed:
            return
        text = frame.html if self.wants_html else frame.plain
        self._frames.append(text)
        self._characters += len(text)
        if len(self._frames) > FRAMES_LIMIT or self._characters > CHARACTERS_LIMIT:
            self.close()
        self._changed.set()

    def put_draft(self, delivery: DeliveryId, draft: Draft) -> None:
        """Queue the newest look of a draft, instead of an older one that still waits."""
        if self.is_closed:
            return
        self._drafts[delivery] = draft
        self._changed.set()

    def drop_draft(self, delivery: DeliveryId) -> None:
        """Forget a waiting draft: its end is queued."""
        self._drafts.pop(delivery, None)

    def close(self) -> None:
        """Drop what waits; `take` returns None from now on."""
        self.is_closed = True
        self._frames.clear()
        self._drafts.clear()
        self._changed.set()

    async def take(self) -> str | None:
        """Return the next frame, waiting for one; None when the page is to reconnect.

        Who waits no longer loses nothing: it is there for the next one who takes.
        """
        loop = asyncio.get_running_loop()
        while not self.is_closed:
            if self._frames:
                frame = self._frames.popleft()
                self._characters -= len(frame)
                return frame
            wait = self._next_draft_at - loop.time() if self._drafts else None
            if wait is not None and wait <= 0:
                return await self._take_draft()
            await self._wait(wait)
        return None

    async def _take_draft(self) -> str:
        delivery, draft = next(iter(self._drafts.items()))
        frame = await draft.frame()
        if self._drafts.get(delivery) is draft:  # else a newer one, or its end, came meanwhile
            del self._drafts[delivery]
        spent = DRAFT_SECONDS + len(frame) / DRAFT_CHARACTERS_PER_SECOND
        self._next_draft_at = asyncio.get_running_loop().time() + spent
        return frame

    async def _wait(self, seconds: float | None) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
