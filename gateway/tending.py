"""When a group works by itself: by the rules of its watch, over the agent that it watches.

What it then does is `teamwork`'s, as of all groups. Nothing here calls a model, or Letta.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from gateway.domain.conversations import Conversation
from gateway.domain.errands import FOR_EVER, Errand, ErrandChange, question_for
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import HistoryEntry, MessageKind
from gateway.domain.people import Mode, Route, Sender, mode_of
from gateway.domain.teams import Untended, Watch
from gateway.domain.turns import Turn
from gateway.ports import Store

log = logging.getLogger(__name__)

LONGEST_TOLD = 20_000
"""Characters of what was said that a group is told, the newest."""
MOST_TOLD = 100
"""Messages of what was said that are looked through."""
TIMED = "tending"
"""The subject of the notes about what may be due though nobody speaks."""


_SPOKEN = (MessageKind.TEXT, MessageKind.EDIT)


@dataclass(frozen=True, slots=True)
class _Count:
    """How far it is to the next time, in a note about the person in one conversation."""

    turn: str = ""
    """The last one that was counted: in a repeat it is not counted again."""
    turns: int = 0
    """Since the group began its work the last time."""
    told: int = 0
    """The cursor of the newest message that it was told then."""
    characters: int = 0
    """That the person wrote since then."""
    since: datetime | None = None
    newest: datetime | None = None

    def untended(self, now: datetime) -> Untended:
        """Return what the rules see."""
        return Untended(self.turns, self.characters, self.since or now, self.newest or now)

    def tended(self, newest: int, now: datetime) -> _Count:
        """Return the count after the group was told all up to this message."""
        return _Count(self.turn, told=newest, since=now, newest=self.newest)


@dataclass(frozen=True, slots=True)
class _Place:
    """Whom and what the work of a group is about."""

    group: str
    role: str
    turn: TurnId
    """The newest turn: the work has its name, and is begun once for it."""
    person: PersonId
    conversation: Conversation
    sender: Sender
    is_private: bool

    @property
    def count(self) -> str:
        """The name of the person's note with the count."""
        return f"watch {self.group} in {self.conversation.id}"

    @property
    def work(self) -> str:
        """The id of the errand."""
        return f"tend-{self.group}-{self.turn}"

    @property
    def timed(self) -> str:
        """The name of the note that has it looked at when time passes."""
        return f"{self.count} of {self.person}"


_COUNT = TypeAdapter(_Count)
_PLACE = TypeAdapter(_Place)


class Tending:
    """Counts the turns of watched agents, each once, and begins the work of their groups."""

    def __init__(
        self, store: Store, watches: Mapping[str, Watch], routes: Mapping[str, Route]
    ) -> None:
        self._errands = store.errands
        self._notes = store.notes
        self._personal = store.personal
        self._watches = watches
        self._routes = routes

    async def count(self, turn: Turn, now: datetime) -> None:
        """Take note of a turn that went well, before its end is stored.

        Only people's own agents are watched: what several write to one agent is
        nobody's memory.
        """
        is_spoken = any(message.kind in _SPOKEN for message in turn.messages)
        if not is_spoken or mode_of(turn.ref.lane) is not Mode.PERSON:
            return
        for group, watch in self._watches.items():
            if watch.role == turn.role:
                await self._count(_place_of(group, turn), watch, turn, now)

    async def look(self, now: datetime) -> None:
        """Begin what is due because time has passed. A repeat begins nothing twice."""
        if not any(watch.looks_at_the_clock for watch in self._watches.values()):
            return
        for name, text in (await self._notes.all_of(TIMED)).items():
            place = _read_place(text)
            watch = None if place is None else self._watches.get(place.group)
            if place is None or watch is None or await self._is_settled(place, watch, now):
                await self._drop(name, text)

    async def _count(self, place: _Place, watch: Watch, turn: Turn, now: datetime) -> None:
        known = _read(await self._notes.get(place.person, place.count))
        if known.turn == place.turn:
            return
        count = replace(
            known,
            turn=place.turn,
            turns=known.turns + 1,
            characters=known.characters + sum(len(message.text) for message in turn.messages),
            since=known.since or now,
            newest=now,
        )
        if watch.is_due(count.untended(now), now) and not await self._is_at_it(place):
            new = await self._said(place, after=count.told)
            await self._begin(place, _told(new), now)
            count = count.tended(_newest(new, count), now)
        elif watch.looks_at_the_clock:
            await self._notes.put(TIMED, place.timed, _PLACE.dump_json(place).decode())
        await self._put(place, count)

    async def _is_settled(self, place: _Place, watch: Watch, now: datetime) -> bool:
        """Begin the work if it is time; whether the clock need not be looked at for it any more."""
        count = _read(await self._notes.get(place.person, place.count))
        if not count.turns:
            return True
        if not watch.is_due(count.untended(now), now) or await self._is_at_it(place):
            return False
        if await self._personal.is_at_work(place.person):
            return False  # the end of that turn counts, and may begin the work itself
        new = await self._said(place, after=count.told)
        if any(entry.author == "user" for entry in new):
            await self._begin(place, _told(new), now)
            log.info("tending_begun", extra={"group": place.group, "turn": place.turn})
        await self._put(place, count.tended(_newest(new, count), now))
        return True

    async def _put(self, place: _Place, count: _Count) -> None:
        await self._notes.put(place.person, place.count, _COUNT.dump_json(count).decode())

    async def _drop(self, name: str, text: str) -> None:
        """Drop a note, unless a turn has put a newer one there meanwhile."""
        if (await self._notes.all_of(TIMED)).get(name) == text:
            await self._notes.drop(TIMED, name)

    async def _said(self, place: _Place, after: int) -> list[HistoryEntry]:
        """Return what the person said here and was answered, oldest first.

        What was said elsewhere, perhaps for nobody else to see, is not brought here.
        """
        said = await self._personal.said(place.person, MOST_TOLD)
        here = [each.entry for each in said if each.conversation == place.conversation]
        return [entry for entry in reversed(here) if entry.cursor > after]

    async def _is_at_it(self, place: _Place) -> bool:
        """Whether the group still works on what it was told the last time."""
        at_work = await self._errands.open_of(place.person)
        chain = (place.role, place.group)
        return any(each.chain == chain and each.id != place.work for each in at_work)

    async def _begin(self, place: _Place, told: str, now: datetime) -> None:
        work = Errand(
            id=place.work,
            chain=(place.role, place.group),
            root=place.turn,
            person=place.person,
            conversation=place.conversation,
            sender=place.sender,
            question=told,
            asked_at=now,
            expires_at=now + FOR_EVER,
            is_private=place.is_private,
        )
        change = ErrandChange(work, question_for(work), self._routes[place.group])
        await self._errands.change([change], now)


def _place_of(group: str, turn: Turn) -> _Place:
    first = turn.messages[0]
    return _Place(
        group,
        turn.role,
        turn.ref.id,
        turn.person,
        turn.conversation,
        first.sender,
        first.is_private,
    )


def _newest(new: Iterable[HistoryEntry], count: _Count) -> int:
    return max((entry.cursor for entry in new), default=count.told)


def _read(text: str | None) -> _Count:
    """Read a note; what can not be read any more begins anew."""
    try:
        return _Count() if text is None else _COUNT.validate_json(text)
    except ValidationError:
        return _Count()


def _read_place(text: str) -> _Place | None:
    """Read a note; None for what can not be read any more."""
    try:
        return _PLACE.validate_json(text)
    except ValidationError:
        return None


def _told(said: Iterable[HistoryEntry]) -> str:
    """Return what was said, the beginning cut off where it is too long. Pure."""
    lines = [f"[{entry.author}] {entry.text}" for entry in said]
    text = "\n".join(["What was said since the last time:", *lines])
    return text if len(text) <= LONGEST_TOLD else f"… {text[-LONGEST_TOLD:]}"
