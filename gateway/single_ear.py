"""A platform that every process writes to, and that one process at a time listens to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import PlatformMessageId
from gateway.domain.overheard import Overheard, Stretch
from gateway.domain.people import Identity
from gateway.errors import SettingsWrong
from gateway.place import Place
from gateway.ports import Accept, Adapter, Health, Streaming


class SingleEar:
    """An `Adapter` of two: the voice is everywhere, the ear where its place is held.

    A process that waits for the place takes it over when the one that has it dies.
    """

    def __init__(self, voice: Adapter, ear: Adapter, place: Place) -> None:
        self._voice = voice
        self._ear = ear
        self._place = place

    @property
    def platform(self) -> str:
        """The first part of its conversation ids."""
        return self._voice.platform

    @property
    def streaming(self) -> Streaming | None:
        """How people there can watch an answer grow."""
        return self._voice.streaming

    async def run(self, accept: Accept) -> None:
        """Be able to write, and listen while no other process does. Raises SettingsWrong."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._voice.run(accept))
                group.create_task(self._place.run(lambda: self._ear.run(accept)))
        except* SettingsWrong as errors:
            wrong = _first(errors)
        else:
            return
        raise wrong

    def split(self, text: str) -> list[str]:
        """Cut an answer into the texts of its messages. Pure."""
        return self._voice.split(text)

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Post, edit or take back; raises as the port says."""
        return await self._voice.send(delivery)

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Look whether an earlier try of this post is there."""
        return await self._voice.find(delivery)

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Edit a sent draft, if there is room for it now."""
        await self._voice.show_draft(delivery, text)

    async def overheard(self, stretch: Stretch) -> Sequence[Overheard] | None:
        """Return what people said there; None where it can not be told now."""
        return await self._voice.overheard(stretch)

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show that the agent is at work while the context is open."""
        return self._voice.show_typing(conversation)

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return where somebody has direct messages with us."""
        return await self._voice.direct_with(identity)

    def health(self) -> Health:
        """Say how the ear is where it listens, and elsewhere how the voice is."""
        if self._place.lease is not None:
            return self._ear.health()
        voice = self._voice.health()
        if not voice.is_ready:
            return voice
        return Health(is_ready=True, sentence=f"{voice.sentence} Another process listens.")


def _first(errors: BaseExceptionGroup[SettingsWrong]) -> SettingsWrong:
    """Return what the operator has to put right; the group holds it, however deep."""
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
