"""Hands wakeups what is new in their data sources; one with nothing new is called off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pydantic import TypeAdapter

from gateway.domain.messages import InboundMessage
from gateway.domain.schedules import Schedule, Wakeup
from gateway.domain.turns import Turn
from gateway.ports import ArtifactStore, Store
from gateway.text.fence import fenced
from scheduler.sources.guarded import GuardedFetch
from scheduler.sources.looks import (
    Look,
    Seen,
    is_readable,
    look_at_artifacts,
    look_at_messages,
    look_at_url,
    looked,
)
from scheduler.wakeups import schedule_of

_NOTE = "brief"
_LONGEST_NEWS = 8_000
"""Characters of one source."""


@dataclass(frozen=True, slots=True)
class _Brief:
    """What a schedule's last wakeup was told, and what was seen then."""

    turn: str = ""
    news: str | None = None
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])


_BRIEF = TypeAdapter(_Brief)


class SourceBriefing:
    """Looks at sources when a turn begins, not when its slot fires.

    What was found is remembered with the turn in one write: a repeat of the
    turn is told the same, and no news is lost or told twice by a crash between.
    """

    def __init__(
        self, store: Store, artifacts: ArtifactStore, fetch: GuardedFetch, default_role: str
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._fetch = fetch
        self._default_role = default_role

    async def brief(self, turn: Turn) -> Turn | None:
        """Return the turn with the news; None when none of its wakeups has anything to do."""
        told = [await self._told(message, turn) for message in turn.messages]
        if all(message is None for message in told):
            return None
        pairs = zip(told, turn.messages, strict=True)
        return replace(turn, messages=tuple(new or old for new, old in pairs))

    async def _told(self, message: InboundMessage, turn: Turn) -> InboundMessage | None:
        schedule = await self._store.schedules.get(schedule_of(message.event_id))
        sources = _sources(schedule)
        if schedule is None or schedule.wakeup is None or not sources:
            return message
        brief = await self._brief(schedule, schedule.wakeup, sources, turn)
        if brief.news is not None:
            return replace(message, text=f"{message.text}\n\n{brief.news}")
        named = [name for name in schedule.wakeup.data_sources if not is_readable(name)]
        return message if named and not schedule.rules.heartbeat else None

    async def _brief(
        self, schedule: Schedule, wakeup: Wakeup, sources: list[str], turn: Turn
    ) -> _Brief:
        subject = f"schedule:{schedule.id}"
        last = _read_brief(await self._store.notes.get(subject, _NOTE))
        if last.turn == turn.ref.id:
            return last
        owners = await self._owners(turn, wakeup)
        looks = {
            source: await looked(self._look(source, wakeup, owners), last.seen.get(source, Seen()))
            for source in sources
        }
        found = [(source, look.news) for source, look in looks.items() if look.news]
        news = "\n\n".join(fenced(f'"{source}"', text[:_LONGEST_NEWS]) for source, text in found)
        brief = _Brief(turn.ref.id, news or None, {name: each.seen for name, each in looks.items()})
        await self._store.notes.put(subject, _NOTE, _BRIEF.dump_json(brief).decode())
        return brief

    def _look(
        self, source: str, wakeup: Wakeup, owners: Sequence[str]
    ) -> Callable[[Seen], Awaitable[Look]]:
        kind, _, rest = source.partition(":")
        match kind:
            case "artifacts":
                return partial(look_at_artifacts, self._artifacts, owners, rest)
            case "unread":
                return partial(look_at_messages, self._store.history, wakeup.conversation)
            case _:
                return partial(look_at_url, self._fetch, source)

    async def _owners(self, turn: Turn, wakeup: Wakeup) -> list[str]:
        """Return whose files are looked at: the person's, and the agent's own."""
        role = wakeup.role or self._default_role
        binding = await self._store.people.binding(turn.person, role)
        agent = binding.agent_id if binding else None
        return [turn.person] if agent is None else [turn.person, agent]


def _sources(schedule: Schedule | None) -> list[str]:
    """Return the sources that can be looked at; a heartbeat without any watches the talk."""
    if schedule is None or schedule.wakeup is None:
        return []
    readable = [source for source in schedule.wakeup.data_sources if is_readable(source)]
    if schedule.rules.heartbeat and not schedule.wakeup.data_sources:
        return ["unread"]
    return readable


def _read_brief(text: str | None) -> _Brief:
    return _BRIEF.validate_json(text) if text else _Brief()
