"""Finds what was said in a channel or thread before an agent was spoken to, once for each word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.messages import InboundMessage
from gateway.domain.overheard import Overheard, Stretch, place_before, position_of
from gateway.domain.people import lane_owner
from gateway.domain.places import LISTENED, PlacePolicy, PlaceRules
from gateway.domain.turns import Turn
from gateway.ports import Adapter, NoteStore

_NOTHING = "-"


class EarlierTalk:
    """Asks the platform for what the agent has not heard yet.

    It asks for `most` messages, and for none while that is 0, but where agents listen.

    A note says how far the agent has heard in a place, and which turn came so far:
    that one is told the same again when it is repeated.
    """

    def __init__(
        self, adapters: Mapping[str, Adapter], notes: NoteStore, most: int, places: PlaceRules
    ) -> None:
        self._adapters = adapters
        self._notes = notes
        self._most = most
        self._places = places

    async def before(self, turn: Turn) -> Sequence[Overheard] | None:
        """Return what was said before the turn's first message, oldest first.

        None where nothing is looked for, or the platform does not tell. Raises
        StoreUnavailable.
        """
        first = turn.messages[0]
        adapter = self._adapters.get(turn.conversation.platform)
        position = position_of(first)
        listens = self._places.of(turn.conversation) is PlacePolicy.LISTEN
        most = self._most or (LISTENED if listens else 0)
        if not most or adapter is None or position is None or not _is_among_others(first):
            return None
        place = place_before(first)
        subject = lane_owner(turn.ref.lane, turn.person, turn.conversation)
        name = f"heard {turn.role} {place.id}"
        after = _after(await self._notes.get(subject, name), turn)
        heard = await adapter.overheard(Stretch(place, after, position, most))
        if heard is None:
            return None
        last = max(filter(None, map(position_of, turn.messages)), key=_as_number)
        note = f"{turn.ref.id} {after or _NOTHING} {last}"
        await self._notes.put(subject, name, note, passing=first.sent_at)
        return heard


def _is_among_others(message: InboundMessage) -> bool:
    return not (message.conversation.is_direct or message.is_private)


def _after(note: str | None, turn: Turn) -> str | None:
    """Return how far the agent had heard before this turn."""
    if note is None:
        return None
    told, before, last = note.split(" ")
    after = before if told == turn.ref.id else last
    return None if after == _NOTHING else after


def _as_number(position: str) -> tuple[int, str]:
    """Return what positions of one place are compared by: as decimals they may be too long."""
    whole, _, rest = position.partition(".")
    return int(whole), rest
