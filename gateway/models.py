"""Which language model thinks for a person, where the operator lets people choose by `/model`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.conversations import Conversation
from gateway.domain.ids import PersonId
from gateway.domain.people import Mode, mode_of
from gateway.domain.turns import Turn
from gateway.ports import NoteStore


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person has chosen for one of their agents; None where nothing is."""

    everywhere: str | None = None
    here: str | None = None
    """For one conversation alone; counts before the other."""

    @property
    def now(self) -> str | None:
        """The handle that counts; None for the agent's own model."""
        return self.here or self.everywhere


class Models:
    """Remembers what people choose, and lets nothing count that is not on the list any more."""

    def __init__(self, notes: NoteStore, allowed: Mapping[str, Sequence[str]]) -> None:
        """Take, by role, the handles of which people may choose for their own agents."""
        self._notes = notes
        self._allowed = {role: tuple(handles) for role, handles in allowed.items() if handles}

    def allowed(self, role: str) -> tuple[str, ...]:
        """Return the handles that people may choose for their agents of this role."""
        return self._allowed.get(role, ())

    async def chosen(self, person: PersonId, role: str, place: Conversation) -> Chosen:
        """Return what the person has chosen for the agent, and for this conversation."""
        allowed = self.allowed(role)
        if not allowed:
            return Chosen()
        found = [await self._notes.get(person, _note(role, where)) for where in (None, place)]
        return Chosen(*(handle if handle in allowed else None for handle in found))

    async def choose(
        self, person: PersonId, role: str, place: Conversation, handle: str | None, *, is_here: bool
    ) -> None:
        """Remember a choice, or None for the agent's own model; a repeat does no harm.

        One for everywhere takes the place of the one for this conversation too.
        """
        if not is_here:
            await self._notes.drop(person, _note(role, place))
        name = _note(role, place if is_here else None)
        if handle is None:
            await self._notes.drop(person, name)
        else:
            await self._notes.put(person, name, handle)

    async def of(self, turn: Turn) -> str | None:
        """Return the model that is to think in this turn; None for the agent's own.

        Of an agent that others share nobody chooses the model.
        """
        if mode_of(turn.ref.lane) is not Mode.PERSON:
            return None
        return (await self.chosen(turn.person, turn.role, turn.conversation)).now


def named(typed: str, handles: Sequence[str]) -> str | None:
    """Return the handle that is meant, whole or without its provider; None for none, or several.

    Pure. Upper and lower case are one.
    """
    wanted = typed.casefold()
    whole = [each for each in handles if each.casefold() == wanted]
    short = [each for each in handles if each.casefold().partition("/")[1:] == ("/", wanted)]
    found = whole or short
    return found[0] if len(found) == 1 else None


def _note(role: str, place: Conversation | None) -> str:
    """Return the name of the note that holds a choice."""
    return f"model:{role}" if place is None else f"model:{role}:{place.id}"
