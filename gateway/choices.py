"""Which agent people chose to talk to in a conversation, by `/agent NAME`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, person_id_of
from gateway.ports import NoteStore, PeopleStore

VERB = "agent"
_FRESH = timedelta(seconds=5)
"""Another process may take a choice; after this the store is asked again."""
_MAX_REMEMBERED = 10_000


class Choices:
    """Remembers choices in the store: one for each person and conversation."""

    def __init__(self, people: PeopleStore, notes: NoteStore) -> None:
        self._people = people
        self._notes = notes
        self._known: dict[tuple[Identity, Conversation], tuple[str | None, datetime]] = {}

    async def of(self, identity: Identity, place: Conversation, now: datetime) -> str | None:
        """Return the agent that this person chose here; None for the usual one."""
        known = self._known.get((identity, place))
        if known is not None and now - known[1] < _FRESH:
            return known[0]
        name = await self._notes.get(await self._person(identity), note_of(place))
        self._remember(identity, place, name, now)
        return name

    async def choose(
        self, name: str, identity: Identity, place: Conversation, now: datetime
    ) -> None:
        """Take a choice; what is written after it goes to this agent."""
        await self._notes.put(await self._person(identity), note_of(place), name)
        self._remember(identity, place, name, now)

    async def _person(self, identity: Identity) -> PersonId:
        person = await self._people.find_person(identity)
        return person_id_of(identity) if person is None else person.id

    def _remember(
        self, identity: Identity, place: Conversation, name: str | None, now: datetime
    ) -> None:
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[identity, place] = (name, now)


def note_of(place: Conversation) -> str:
    """Return the name of the note that holds a choice."""
    return f"agent:{place.id}"


def chosen_by(command: InboundMessage, names: Collection[str]) -> str | None:
    """Return the agent that a command chooses; None when it is no such command. Pure."""
    words = command.text.split()
    is_choice = command.kind is MessageKind.COMMAND and len(words) == 2 and words[0] == VERB
    return words[1] if is_choice and words[1] in names else None
