"""What an agent has said so far in a turn, and how much of it people watch growing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Button, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.tools import ToolResult
from gateway.domain.turns import TextDelta, Turn
from gateway.drafts import Drafts
from gateway.ports import Adapter, Clock, Streaming, TurnStore
from gateway.text.silence import SILENT


@dataclass(frozen=True, slots=True)
class Voice:
    """How people hear an agent in a turn."""

    name: str = ""
    """Written before what it says, where several speak in one conversation."""
    is_silent: bool = False
    """Whether what it says is for another agent's ears alone, or for nobody's."""
    is_whole: bool = False
    """Whether people hear it once it is complete, and do not watch it grow."""


ALONE = Voice()

LONG_TEXT = 4_000
"""Characters from which cutting takes milliseconds. It is then done no more often than people
see it: an event loop that had to cut at every word would never again catch up with the words."""


class Answer:
    """Joins the pieces of an answer; shows them as drafts where the platform streams.

    A draft is stored before anybody sees it, so that after a crash the same
    message is finished instead of a second one posted.
    """

    def __init__(
        self,
        turn: Turn,
        adapter: Adapter,
        store: TurnStore,
        drafts: Drafts,
        clock: Clock,
        voice: Voice = ALONE,
    ) -> None:
        self._turn = turn
        self.voice = voice
        self._adapter = adapter
        self._store = store
        self._drafts = drafts
        self._clock = clock
        self._messages: dict[str, str] = {}
        self._status = self._remark = ""
        self._buttons: tuple[Button, ...] = ()
        self._files: tuple[Attachment, ...] = ()
        self._opened = turn.drafts
        self.first_at: datetime | None = None
        """When the first text came; None before."""
        self._shown_at = datetime.min.replace(tzinfo=UTC)
        self._handle = turn.messages[0].handle
        self._is_private = any(message.is_private for message in turn.messages)
        for index in range(turn.drafts):
            drafts.open(self._id(index))

    @property
    def text(self) -> str:
        """All that the agent said, its messages a blank line apart."""
        return self._joined(is_draft=False)

    @property
    def is_shown(self) -> bool:
        """Whether people see a draft of it."""
        return self._opened > 0

    def deliveries(self) -> tuple[NewDelivery, ...]:
        """Return the final answer as the messages that its platform will show."""
        if self.voice.is_silent:
            return ()
        parts = self._parts(is_draft=False)
        if not self._buttons and not self._files:
            return parts
        named = ", ".join(file.name for file in self._files)
        *before, last = parts or self._cut(named or "…", is_draft=False)
        return (*before, replace(last, buttons=self._buttons, files=self._files))

    def carry(self, results: Iterable[ToolResult]) -> None:
        """Let the answer carry what tools gave it: the newest buttons, and all files."""
        given = list(results)
        self._files = tuple(dict.fromkeys(file for each in given for file in each.files))
        self._buttons = next((each.buttons for each in reversed(given) if each.buttons), ())

    def enclose(self, files: tuple[Attachment, ...]) -> None:
        """Let the answer carry these files."""
        self._files = files

    def remark(self, text: str) -> None:
        """Let people read a word of ours below what the agent said, if it said something."""
        if self.text:
            self._remark = text

    def notice(self, text: str, *, name: str) -> NewDelivery:
        """Return a message of ours beside the answer, at most one of each name in a turn."""
        return NewDelivery(
            id=notice_id(self._turn, name),
            conversation=self._turn.conversation,
            text=text,
            handle=self._handle,
            is_private=self._is_private,
        )

    async def add(self, delta: TextDelta) -> None:
        """Take in a piece, and let the draft grow by it when that is due."""
        now = self._clock.now()
        self.first_at = self.first_at or now
        self._status = ""
        self._messages[delta.message] = self._messages.get(delta.message, "") + delta.text
        streaming = self._streaming()
        if streaming and now - self.first_at >= timedelta(seconds=streaming.hold_seconds):
            pause = timedelta(seconds=streaming.interval_seconds)
            if now - self._shown_at >= pause or not self._is_long:
                await self._show()

    async def flush(self) -> None:
        """Show what there is before a longer silence, such as a tool call."""
        if self._streaming() is not None:
            await self._show()

    async def show_status(self, text: str) -> None:
        """Show below the draft what the agent is doing, until it says more.

        Nothing of it is left in the final answer. A wakeup may end in silence, so
        nothing is shown of its doing.
        """
        self._status = text
        if text and self._streaming() is not None and not self._turn.is_wakeup:
            await self._show()

    async def close(self) -> None:
        """Let nothing older than the final text be shown after this."""
        for index in range(self._opened):
            await self._drafts.close(self._id(index))

    def _streaming(self) -> Streaming | None:
        """Return how people can watch this answer grow; None when they can not."""
        is_unseen = self.voice.is_silent or self.voice.is_whole
        streaming = None if is_unseen else self._adapter.streaming
        if streaming is not None and self._is_private and not streaming.shows_private:
            return None
        return streaming

    @property
    def _is_long(self) -> bool:
        return sum(map(len, self._messages.values())) > LONG_TEXT

    async def _show(self) -> None:
        self._shown_at = self._clock.now()
        for part in self._parts(is_draft=True):
            if part.index < self._opened:
                self._drafts.grow(part.id, part.text)
                continue
            self._drafts.open(part.id)
            await self._store.open_draft(self._turn.ref, part, self._clock.now())
            self._opened = part.index + 1

    def _joined(self, *, is_draft: bool) -> str:
        said = (message.strip() for message in self._messages.values())
        return "\n\n".join(
            message for message in said if message and not self._is_silence(message, is_draft)
        )

    def _is_silence(self, message: str, is_draft: bool) -> bool:
        """Whether a message is the wish to say nothing, or while it grows may become it.

        A person who asked is owed an answer, so only wakeups may end in silence.
        """
        if not self._turn.is_wakeup:
            return False
        return message == SILENT or (is_draft and SILENT.startswith(message))

    def _parts(self, *, is_draft: bool) -> tuple[NewDelivery, ...]:
        text = self._joined(is_draft=is_draft)
        if text and self.voice.name:
            text = f"**{self.voice.name}:** {text}"
        below = self._status if is_draft else self._remark
        if below:
            text = f"{text}\n\n{below}".strip()
        return self._cut(text, is_draft=is_draft) if text else ()

    def _cut(self, text: str, *, is_draft: bool) -> tuple[NewDelivery, ...]:
        return tuple(
            NewDelivery(
                id=self._id(index),
                conversation=self._turn.conversation,
                text=part,
                turn=self._turn.ref.id,
                index=index,
                is_draft=is_draft,
                handle=self._handle,
                is_private=self._is_private,
            )
            for index, part in enumerate(self._adapter.split(text))
        )

    def _id(self, index: int) -> DeliveryId:
        return DeliveryId(f"{self._turn.ref.id}.{index}")


def notice_id(turn: Turn, name: str) -> DeliveryId:
    """Return what the notice of this name in a turn is called."""
    return DeliveryId(f"{turn.ref.id}.{name}")
