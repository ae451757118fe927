"""When a group works by itself: after so many turns of the agent that it watches.

What it then does is `teamwork`'s, as of all groups. Nothing here calls a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from gateway.domain.errands import FOR_EVER, Errand, ErrandChange, question_for
from gateway.domain.messages import HistoryEntry, MessageKind
from gateway.domain.people import Mode, Route, mode_of
from gateway.domain.teams import Watch
from gateway.domain.turns import Turn
from gateway.ports import Store

LONGEST_TOLD = 20_000
"""Characters of what was said that a group is told, the newest."""
MOST_TOLD = 100
"""Messages of what was said that are looked through."""


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


_COUNT = TypeAdapter(_Count)


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
                await self._count(group, watch, turn, now)

    async def _count(self, group: str, watch: Watch, turn: Turn, now: datetime) -> None:
        note = f"watch {group} in {turn.conversation.id}"
        known = _read(await self._notes.get(turn.person, note))
        if known.turn == turn.ref.id:
            return
        count = replace(known, turn=turn.ref.id, turns=known.turns + 1)
        if count.turns >= watch.every and not await self._is_at_it(group, turn):
            new = await self._said(turn, after=count.told)
            await self._begin(group, turn, _told(new), now)
            newest = max((entry.cursor for entry in new), default=count.told)
            count = replace(count, turns=0, told=newest)
        await self._notes.put(turn.person, note, _COUNT.dump_json(count).decode())

    async def _said(self, turn: Turn, after: int) -> list[HistoryEntry]:
        """Return what the person said here and was answered, oldest first.

        What was said elsewhere, perhaps for nobody else to see, is not brought here.
        """
        said = await self._personal.said(turn.person, MOST_TOLD)
        here = [each.entry for each in said if each.conversation == turn.conversation]
        return [entry for entry in reversed(here) if entry.cursor > after]

    async def _is_at_it(self, group: str, turn: Turn) -> bool:
        """Whether the group still works on what it was told the last time."""
        own = _work_of(group, turn)
        at_work = await self._errands.open_of(turn.person)
        return any(each.chain == (turn.role, group) and each.id != own for each in at_work)

    async def _begin(self, group: str, turn: Turn, told: str, now: datetime) -> None:
        first = turn.messages[0]
        work = Errand(
            id=_work_of(group, turn),
            chain=(turn.role, group),
            root=turn.ref.id,
            person=turn.person,
            conversation=turn.conversation,
            sender=first.sender,
            question=told,
            asked_at=now,
            expires_at=now + FOR_EVER,
            is_private=first.is_private,
        )
        change = ErrandChange(work, question_for(work), self._routes[group])
        await self._errands.change([change], now)


def _work_of(group: str, turn: Turn) -> str:
    return f"tend-{group}-{turn.ref.id}"


def _read(text: str | None) -> _Count:
    """Read a note; what can not be read any more begins anew."""
    try:
        return _Count() if text is None else _COUNT.validate_json(text)
    except ValidationError:
        return _Count()


def _told(said: Iterable[HistoryEntry]) -> str:
    """Return what was said, the beginning cut off where it is too long. Pure."""
    lines = [f"[{entry.author}] {entry.text}" for entry in said]
    text = "\n".join(["What was said since the last time:", *lines])
    return text if len(text) <= LONGEST_TOLD else f"… {text[-LONGEST_TOLD:]}"
