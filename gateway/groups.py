"""Groups of agents that answer together: each step is their strategy's, each answer a turn.

A step can be repeated: the ids of what members are asked are made from the group's work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.domain.errands import (
    FOR_EVER,
    MOST_ERRANDS,
    Errand,
    ErrandChange,
    ErrandState,
    ended,
    question_for,
    refusal,
    work_id,
)
from gateway.domain.people import Route, mode_of
from gateway.domain.teams import (
    Ask,
    AskNext,
    Final,
    GroupLimits,
    TeamStep,
    Transcript,
    Wait,
    Watch,
    within,
)
from gateway.domain.turns import Turn
from gateway.ports import Clock, Coordination, ErrandStore

NOTHING_SAID = "(It said nothing.)"
NOT_HERE = "It can not be asked here."

WayTo = Callable[[Turn, str], Awaitable[Route | None]]
"""Finds the way from a turn to an agent; None where that may not be asked."""


@dataclass(frozen=True, slots=True)
class Group:
    """Agents that answer together."""

    strategy: Coordination
    limits: GroupLimits = field(default_factory=GroupLimits)
    watch: Watch | None = None
    """When it works by itself; None where it only answers."""


class Groups:
    """Leads groups from step to step."""

    def __init__(
        self, errands: ErrandStore, clock: Clock, groups: Mapping[str, Group], way_to: WayTo
    ) -> None:
        self._errands = errands
        self._clock = clock
        self._groups = groups
        self._way_to = way_to

    def __contains__(self, role: str) -> bool:
        return role in self._groups

    async def lead(self, turn: Turn, work: Errand | None) -> str:
        """Take a group's next step; returns what the person is told of it, perhaps nothing."""
        work = work or await self._begun(turn)
        if not work.is_open:
            return _for_the_person(work, await self._errands.asked_for(work.id))
        said = await self._errands.asked_for(work.id)
        match await self._step(turn, work, said):
            case AskNext(asks):
                await self._ask_members(turn, work, len(said), asks)
                return ""
            case Wait():
                return ""
            case Final(text, is_failure):
                state = ErrandState.FAILED if is_failure else ErrandState.ANSWERED
                now = self._clock.now()
                change = ended(work, state, text or NOTHING_SAID, now, turn.ref.id)
                await self._errands.change([change], now)
                return _for_the_person(change.errand, said)

    async def _begun(self, turn: Turn) -> Errand:
        """Return the work that a person's words begin, stored under an id made from the turn's."""
        name = work_id(turn.ref.id)
        known = await self._errands.get(name)
        if known is not None:
            return known
        first, now = turn.messages[0], self._clock.now()
        limits = self._groups[turn.role].limits
        work = Errand(
            id=name,
            chain=(turn.role,),
            root=name,
            person=turn.person,
            conversation=turn.conversation,
            sender=first.sender,
            question="\n\n".join(message.text for message in turn.messages),
            asked_at=now,
            # It ends with its members' answers, which have their times.
            expires_at=now + FOR_EVER,
            is_shown=limits.is_shown and not first.is_private and first.handle is None,
            is_private=first.is_private,
            handle=first.handle,
        )
        await self._errands.change([ErrandChange(work)], now)
        return work

    async def _step(self, turn: Turn, work: Errand, said: Sequence[Errand]) -> TeamStep:
        group = self._groups[turn.role]
        busy = Counter(each.role for each in await self._errands.open_of(work.person))
        earlier = await self._errands.count_of(work.person, turn.role) - 1
        so_far = Transcript(work.question, tuple(said), earlier, dict(busy))
        step = group.strategy.decide(so_far)
        room = min(
            group.limits.steps - len(said), MOST_ERRANDS - await self._errands.count(work.root)
        )
        return within(step, so_far, room)

    async def _ask_members(
        self, turn: Turn, work: Errand, number: int, asks: Sequence[Ask]
    ) -> None:
        changes = [
            await self._member_asked(turn, work, number + n, ask) for n, ask in enumerate(asks)
        ]
        await self._errands.change(changes, self._clock.now())

    async def _member_asked(self, turn: Turn, work: Errand, number: int, ask: Ask) -> ErrandChange:
        now = self._clock.now()
        errand = Errand(
            id=f"{work.id}.{number}",
            chain=(*work.chain, ask.member),
            root=work.root,
            person=work.person,
            conversation=work.conversation,
            sender=work.sender,
            question=ask.question,
            asked_at=now,
            expires_at=now + self._groups[turn.role].limits.wait,
            parent=work.id,
            asker=turn.role,
            mode=mode_of(turn.ref.lane),
            is_shown=work.is_shown,
            is_private=work.is_private,
            handle=work.handle,
        )
        route = await self._way_to(turn, ask.member)
        why = NOT_HERE if route is None else refusal(work.chain, ask.member, 0)
        if why is not None:
            return ended(errand, ErrandState.FAILED, why, now)
        return ErrandChange(errand, question_for(errand), route)


def _for_the_person(work: Errand, said: Sequence[Errand]) -> str:
    """Return the group's answer, unless people have read it as a member's already."""
    if not work.is_for_people:
        return ""
    was_read = work.is_shown and any(each.answer == work.answer for each in said)
    return "" if was_read and work.is_answered else work.answer
