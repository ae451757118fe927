"""What an agent has said so far in a turn, and how much of it people watch growing."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.turns import TextDelta, Turn
from gateway.drafts import Drafts
from gateway.ports import Adapter, Clock, Streaming, TurnStore
from gateway.text.silence import SILENT


class Answer:
    """Joins the pieces of an answer; shows them as drafts where the platform streams.

    A draft is stored before anybody sees it, so that after a crash the same
    message is finished instead of a second one posted.
    """

    def __init__(
        self, turn: Turn, adapter: Adapter, store: TurnStore, drafts: Drafts, clock: Clock
    ) -> None:
        self._turn = turn
        self._adapter = adapter
        self._store = store
        self._drafts = drafts
        self._clock = clock
        self._messages: dict[str, str] = {}
        self._opened = turn.drafts
        self._first_at: datetime | None = None
        self._handle = turn.messages[0].handle
        self._is_private = any(message.is_private for message in turn.messages)
        for index in range(turn.drafts):
            drafts.open(self._id(index))

    @property
    def text(self) -> str:
        """All that the agent said, its messages a blank line apart."""
        return self._joined(is_draft=False)

    def deliveries(self) -> tuple[NewDelivery, ...]:
        """Return the final answer as the messages that its platform will show."""
        return self._parts(is_draft=False)

    def notice(self, text: str, *, name: str) -> NewDelivery:
        """Return a message of ours beside the answer, at most one of each name in a turn."""
        return NewDelivery(
            id=DeliveryId(f"{self._turn.ref.id}.{name}"),
            conversation=self._turn.conversation,
            text=text,
            handle=self._handle,
            is_private=self._is_private,
        )

    async def add(self, delta: TextDelta) -> None:
        """Take in a piece, and let the draft grow by it when that is due."""
        now = self._clock.now()
        self._first_at = self._first_at or now
        self._messages[delta.message] = self._messages.get(delta.message, "") + delta.text
        streaming = self._streaming()
        if streaming and now - self._first_at >= timedelta(seconds=streaming.hold_seconds):
            await self._show()

    async def flush(self) -> None:
        """Show what there is before a longer silence, such as a tool call."""
        if self._streaming() is not None:
            await self._show()

    def _streaming(self) -> Streaming | None:
        """Return how people can watch this answer grow; None when they can not."""
        streaming = self._adapter.streaming
        if streaming is not None and self._is_private and not streaming.shows_private:
            return None
        return streaming

    async def _show(self) -> None:
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
        parts = self._adapter.split(text) if text else []
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
            for index, part in enumerate(parts)
        )

    def _id(self, index: int) -> DeliveryId:
        return DeliveryId(f"{self._turn.ref.id}.{index}")
