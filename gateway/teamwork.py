"""Agents that work for each other, by errands from one to another; `groups` do so by strategies.

What each of them says is a turn like any other; here is only what leads from one turn to the
next. All of it can be repeated: an errand's id is made from what asked, and it ends once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.answer import ALONE, Voice
from gateway.background import told_of_its_end
from gateway.domain.approvals import ApprovalState
from gateway.domain.errands import (
    SOMEBODY,
    Errand,
    ErrandChange,
    ErrandState,
    awaited_id,
    ended,
    errand_id,
    question_for,
    refusal,
)
from gateway.domain.ids import PersonId, TurnId
from gateway.domain.messages import AGAIN, InboundMessage, MessageKind
from gateway.domain.people import Route, mode_of
from gateway.domain.routing import Routing
from gateway.domain.tools import ToolCall
from gateway.domain.turns import Turn, TurnOutcome, TurnState
from gateway.errors import BadInput, StoreUnavailable
from gateway.groups import NOTHING_SAID, Group, Groups
from gateway.ports import Clock, Store
from gateway.rights.circles import Circles
from gateway.tending import Tending

log = logging.getLogger(__name__)

LONGEST_QUESTION = 20_000
"""Characters of what one agent asks another."""
ASKED = (
    "{role} was asked (errand {id}). The answer comes to you in a message: say what you can by "
    "now, or that you wait, and end your turn."
)
NOT_IN_TIME = "There was no answer in time."
NOT_DECIDED = (
    "There was no answer in time: it waits until somebody has approved what it wants to do."
)
STOPPED = "It was stopped."


@dataclass(frozen=True, slots=True)
class Duty:
    """What a turn is part of; nothing for what people say to one agent."""

    errand: Errand | None = None
    """What it works on."""
    heard: Errand | None = None
    """What it hears the answer of."""
    is_over: bool = False
    """Whether nobody waits for it any more."""


NO_DUTY = Duty()


@dataclass(frozen=True, slots=True)
class TeamOptions:
    """Limits of what agents ask each other."""

    wait: timedelta = timedelta(hours=1)
    """For the answer to an agent's question."""
    poll: timedelta = timedelta(seconds=5)
    """How often to look whose time is over."""


class Teamwork:
    """Leads from one agent's turn to the next."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        routes: Mapping[str, Route],
        groups: Mapping[str, Group] | None = None,
        options: TeamOptions | None = None,
        circles: Circles | None = None,
    ) -> None:
        self._circles = circles or Circles()
        self._errands = store.errands
        self._approvals = store.approvals
        self._deliveries = store.deliveries
        self._clock = clock
        self._routing = Routing.of(routes)
        groups = groups or {}
        self._groups = Groups(store.errands, clock, groups, self._way_to)
        self._options = options or TeamOptions()
        watches = {name: each.watch for name, each in groups.items() if each.watch}
        self._tending = Tending(store, watches, routes)

    async def run(self) -> None:
        """End what nobody answers in time, and begin what is due by itself, until cancelled."""
        while True:
            try:
                await self._expire()
                await self._tending.look(self._clock.now())
            except StoreUnavailable as error:
                log.warning("errands_not_read", extra={"error": str(error)})
            await asyncio.sleep(self._options.poll.total_seconds())

    def leads(self, turn: Turn) -> bool:
        """Whether the turn is a group's, and no agent's."""
        return turn.role in self._groups

    async def lead(self, turn: Turn, duty: Duty) -> str:
        """Take a group's next step; returns what the person is told of it, perhaps nothing."""
        return await self._groups.lead(turn, duty.errand)

    async def duty(self, turn: Turn) -> Duty:
        """Return what the turn is part of. Of what people say, the store is not asked."""
        first = turn.messages[0]
        match first.kind:
            case MessageKind.QUESTION:
                errand = _taken_up_again(await self._errands.get(first.target or ""), first)
                return Duty(errand, is_over=_is_over(errand, turn.ref.id))
            case MessageKind.ANSWER:
                heard = await self._errands.get(first.target or "")
                if heard is None or heard.parent is None:
                    return Duty(None, heard, is_over=heard is None)
                errand = await self._errands.get(heard.parent)
                return Duty(errand, heard, is_over=_is_over(errand, turn.ref.id))
            case MessageKind.DECISION:
                return await self._duty_of_decision(turn, first.target or "")
            case _:
                return NO_DUTY

    async def _duty_of_decision(self, turn: Turn, approval: str) -> Duty:
        """Return the errand that waited for the decision.

        What was approved is carried out also where nobody waits any more; then
        the person hears of it.
        """
        awaited = await self._errands.get(awaited_id(approval))
        if awaited is None:
            return NO_DUTY
        heard = replace(awaited, state=ErrandState.ANSWERED) if awaited.is_open else awaited
        errand = await self._errands.get(awaited.parent or "")
        if not _is_over(errand, turn.ref.id):
            return Duty(errand, heard)
        decided = await self._approvals.get(approval)
        is_yes = decided is not None and decided.state is ApprovalState.APPROVED
        return Duty(None, heard, is_over=not is_yes)

    def voice(self, turn: Turn, duty: Duty) -> Voice:
        """Return how people hear the turn."""
        if duty.errand is not None and duty.errand.is_background and duty.errand.is_for_people:
            return Voice(duty.errand.id, is_whole=True)
        if self.leads(turn):
            return Voice(is_silent=duty.errand is not None and not duty.errand.is_for_people)
        if duty.errand is not None:
            is_heard = duty.errand.is_shown or duty.errand.is_for_people
            return Voice(turn.role, is_silent=not is_heard)
        return Voice(turn.role) if turn.messages[0].is_one_of_all else ALONE

    async def ask(self, turn: Turn, call: ToolCall, role: str, question: str) -> str:
        """Ask another agent of the same person; see `Colleagues`."""
        errand = await self._asked(turn, call, role, question.strip())
        if await self._errands.get(errand.id) is None:
            route = await self._way_to(turn, role)
            if route is None:
                known = ", ".join(each for each in self._routing if each != turn.role)
                raise BadInput(f'You can not ask "{role}". You can ask: {known or "nobody"}.')
            count = await self._errands.count(errand.root)
            if (why := refusal(errand.chain[:-1], role, count)) is not None:
                raise BadInput(why)
            change = ErrandChange(errand, question_for(errand), route)
            await self._errands.change([change], self._clock.now())
            log.info("errand_begun", extra={"errand": errand.id, "role": role})
        return ASKED.format(role=role, id=errand.id)

    async def _asked(self, turn: Turn, call: ToolCall, role: str, question: str) -> Errand:
        if not 1 <= len(question) <= LONGEST_QUESTION:
            raise BadInput(f"A question has 1 to {LONGEST_QUESTION:,} characters.")
        duty, first, now = await self.duty(turn), turn.messages[0], self._clock.now()
        parent = duty.errand
        origin = parent or duty.heard
        return Errand(
            id=errand_id(turn.ref.id, call.id),
            chain=(*(parent.chain if parent else (turn.role,)), role),
            root=origin.root if origin else turn.ref.id,
            person=turn.person,
            conversation=turn.conversation,
            sender=first.sender,
            question=question,
            asked_at=now,
            expires_at=now + self._options.wait,
            parent=parent.id if parent else None,
            asker=turn.role,
            mode=mode_of(turn.ref.lane),
            is_private=first.is_private,
            handle=first.handle if first.is_private else None,
        )

    async def _way_to(self, turn: Turn, role: str) -> Route | None:
        """Return the way to an agent that may be asked; None where there is none."""
        if role not in self._routing:
            return None
        identity = turn.messages[0].sender.identity
        circles = await self._circles.surely_of(identity)
        decided = self._routing.decide(turn.conversation, identity, role, circles)
        return decided.route if decided.is_allowed else None

    async def settle(self, turn: Turn, duty: Duty, outcome: TurnOutcome, said: str) -> None:
        """Take note of a turn's end, before it is stored: what it worked on ends with it.

        It stays open where the agent has asked others on its behalf, agents or people,
        and not heard them all.
        """
        now = self._clock.now()
        if duty == NO_DUTY and outcome.state is TurnState.DONE and outcome.error is None:
            await self._tending.count(turn, now)
        if duty.heard is not None and not duty.heard.is_open:
            await self._errands.change([ErrandChange(replace(duty.heard, is_heard=True))], now)
        errand = duty.errand
        if errand is None or duty.is_over or not errand.is_open:
            return
        state, text = _result(outcome, said)
        if state is ErrandState.ANSWERED:
            if self.leads(turn):
                return  # its members are at it, or its end is stored already
            asked = await self._errands.asked_for(errand.id)
            if any(not each.is_heard for each in asked):
                return
        await self._errands.change([ended(errand, state, text, now, turn.ref.id)], now)

    async def cancel(self, person: PersonId) -> Sequence[Errand]:
        """End all that agents ask each other for the person; returns what that was.

        What is done in the background goes on.
        """
        now = self._clock.now()
        open_ones = [each for each in await self._errands.open_of(person) if not each.is_background]
        changes = [ended(each, ErrandState.CANCELLED, STOPPED, now) for each in open_ones]
        await self._errands.change(changes, now)
        return open_ones

    async def open_of(self, person: PersonId) -> Sequence[Errand]:
        """List what agents ask each other for the person and is not answered yet."""
        return await self._errands.open_of(person)

    async def _expire(self) -> None:
        now = self._clock.now()
        while due := await self._errands.due(now, 100):
            for each in due:
                if (told := told_of_its_end(each)) is not None:
                    await self._deliveries.enqueue([told], now)
                why = NOT_DECIDED if await self._is_undecided(each) else NOT_IN_TIME
                await self._errands.change([ended(each, ErrandState.EXPIRED, why, now)], now)

    async def _is_undecided(self, errand: Errand) -> bool:
        asked = await self._errands.asked_for(errand.id)
        return any(each.is_open and each.role == SOMEBODY for each in asked)


def _is_over(errand: Errand | None, turn: TurnId) -> bool:
    """Whether nobody waits for the errand; what this very turn ended it may say again."""
    return errand is None or (not errand.is_open and errand.ended_by != turn)


def _taken_up_again(errand: Errand | None, question: InboundMessage) -> Errand | None:
    """Open an errand that failed, where the operator has what a person asked for done anew."""
    if errand is None or errand.state is not ErrandState.FAILED or not errand.is_for_people:
        return errand
    return replace(errand, state=ErrandState.OPEN) if question.event_id.endswith(AGAIN) else errand


def _result(outcome: TurnOutcome, said: str) -> tuple[ErrandState, str]:
    if outcome.error is not None:
        return ErrandState.FAILED, outcome.error.partition(": ")[2] or outcome.error
    if outcome.state is not TurnState.DONE:
        return ErrandState.FAILED, STOPPED
    return ErrandState.ANSWERED, said or NOTHING_SAID
