"""What becomes of messages that arrive while an agent answers: one mode for each conversation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.messages import SAID, InboundMessage, MessageKind, Refusal, told_why
from gateway.domain.people import Route, person_id_of
from gateway.ports import FireStore, NoteStore, PeopleStore

_SUBJECT = "queue"
_FRESH = timedelta(seconds=1)
"""After this the store is asked again: another part of the gateway may have been told."""
SOME_SECONDS = 5
MOST_SECONDS = 300
_AT_MOST = 6
"""However much comes, nobody waits for silence longer than so many times the silence."""
BUSY = "I am still at work, so I did not hear this. Send it again when I am done, or say `/cancel`."


class QueueKind(StrEnum):
    """What becomes of a message that arrives while a turn runs."""

    QUEUE = "queue"
    """It is part of the next turn."""
    COLLECT = "collect"
    """As QUEUE; and each turn waits until its people have been silent for a while."""
    DROP = "drop"
    """It is turned away with a sentence."""


@dataclass(frozen=True, slots=True)
class QueueMode:
    """The mode of one conversation."""

    kind: QueueKind = QueueKind.QUEUE
    seconds: int = SOME_SECONDS
    """How long a silence COLLECT waits for."""

    def __str__(self) -> str:
        """Write it as people set it."""
        return f"{self.kind} {self.seconds}" if self.kind is QueueKind.COLLECT else str(self.kind)


def read_mode(text: str) -> QueueMode | None:
    """Read `collect 20`; None for what is no mode. Pure."""
    match text.lower().split():
        case [kind] if kind in set(QueueKind):
            return QueueMode(QueueKind(kind))
        case [QueueKind.COLLECT.value, seconds] if seconds.isascii() and seconds.isdigit():
            is_fit = len(seconds) < 5 and 1 <= int(seconds) <= MOST_SECONDS
            return QueueMode(QueueKind.COLLECT, int(seconds)) if is_fit else None
        case _:
            return None


class QueueModes:
    """Remembers modes in the store. A channel's holds in its threads, but for those with their own.

    A mode changes when a message becomes a turn and whether it is taken in, never the
    order: whatever was stored is answered as always.
    """

    def __init__(self, notes: NoteStore, people: PeopleStore, fires: FireStore) -> None:
        self._notes = notes
        self._people = people
        self._fires = fires
        self._known: dict[str, str] = {}
        self._asked_at: datetime | None = None

    async def of(self, place: Conversation, now: datetime) -> QueueMode:
        """Return the mode of a conversation. What others were told counts within a second."""
        if self._asked_at is None or not timedelta() <= now - self._asked_at < _FRESH:
            self._known, self._asked_at = await self._notes.all_of(_SUBJECT), now
        whole = replace(place, thread=None)
        text = self._known.get(place.id) or self._known.get(whole.id) or ""
        return read_mode(text) or QueueMode()

    async def choose(self, mode: QueueMode, place: Conversation) -> None:
        """Take a mode for a conversation, from the next message on."""
        meant = replace(place, thread=None) if place.is_direct else place
        await self._notes.put(_SUBJECT, meant.id, str(mode))
        self._asked_at = None

    async def applied(self, message: InboundMessage, route: Route, now: datetime) -> Route:
        """Return the message's way, with the silence that its conversation waits for."""
        mode = await self.of(message.conversation, now)
        if mode.kind is not QueueKind.COLLECT or message.kind not in SAID:
            return route
        return replace(
            route,
            quiet_seconds=max(route.quiet_seconds, mode.seconds),
            max_wait_seconds=max(route.max_wait_seconds, _AT_MOST * mode.seconds),
        )

    async def refusal(self, message: InboundMessage, route: Route, now: datetime) -> Refusal | None:
        """Return how a message is turned away while its lane is at work; None when it is not.

        The store knows an event that was accepted before, and takes no refusal of it.
        """
        if message.kind not in SAID:
            return None
        mode = await self.of(message.conversation, now)
        if mode.kind is not QueueKind.DROP or not await self._is_busy(message, route):
            return None
        is_told = message.kind is MessageKind.TEXT
        return Refusal(message, reason="busy", reply=told_why(message, BUSY) if is_told else None)

    async def _is_busy(self, message: InboundMessage, route: Route) -> bool:
        identity, place = message.sender.identity, message.conversation
        known = await self._people.find_person(identity)
        lane = route.lane(known.id if known else person_id_of(identity), place)
        return (await self._fires.pulse(lane, place)).is_busy
