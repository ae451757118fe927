"""What people have their agents do in the background: how it is begun, looked at and stopped.

It is an errand that a person gave. Its turns have a lane beside the agent's own, and end as
all turns do: what the agent says then is posted where it was asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.approvals import Approvals
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.errands import (
    Errand,
    ErrandChange,
    ErrandState,
    approval_awaited,
    ended,
    question_for,
)
from gateway.domain.ids import DeliveryId, PersonId
from gateway.domain.messages import BACKGROUND, InboundMessage
from gateway.domain.people import Mode, Route
from gateway.domain.turns import Cancellation, Turn
from gateway.ports import Clock, Store

TIME = timedelta(days=7)
"""Longer than any turn is tried, and than anybody is waited for."""
LONGEST_WISH = 20_000
"""Characters of what is to be done."""
BEGUN = (
    "{role} works on this in the background, as `{id}`, and writes here when it is done. "
    "`/bg` shows how it is, and `/bg cancel {id}` stops it."
)
TOO_MANY = "{count} things are done for you in the background already, as many as may be at once."
SHARED = "{role} is shared with others; only an agent of your own works in the background."
TOO_LONG = "{most:,} characters is the most that can be done in the background at once."
UNKNOWN = 'Nothing of yours is called "{id}". `/bg` lists what is done in the background.'
NOTHING = (
    "Nothing is done for you in the background. `/bg` and what you want done begins something."
)
STOPPED = "It was stopped."
TIME_IS_OVER = "`{id}` was not done in a week, and is given up."
_SHOWN = 80
"""Characters of a wish in a list."""
_HOW = {
    ErrandState.OPEN: "at work",
    ErrandState.ANSWERED: "done",
    ErrandState.FAILED: "failed",
    ErrandState.CANCELLED: "stopped",
    ErrandState.EXPIRED: "given up",
}


class Background:
    """Begins and stops what is done in the background. Each call can be repeated after a crash."""

    def __init__(self, store: Store, clock: Clock, approvals: Approvals, most: int) -> None:
        self._approvals = approvals
        self._errands = store.errands
        self._turns = store.turns
        self._clock = clock
        self._most = most
        """What a person may have done at once; two commands at one moment may pass it by one."""

    async def begin(
        self, wish: str, message: InboundMessage, person: PersonId, route: Route
    ) -> str:
        """Put it down, and wake the agent for it; returns what the person is told."""
        if route.mode is not Mode.PERSON:
            return SHARED.format(role=route.role)
        if len(wish) > LONGEST_WISH:
            return TOO_LONG.format(most=LONGEST_WISH)
        errand = _errand(wish, message, person, route, self._clock.now())
        told = BEGUN.format(role=route.role, id=errand.id)
        if await self._errands.get(errand.id) is not None:
            return told
        count = len(await self.open_of(person))
        if count >= self._most:
            return TOO_MANY.format(count=count)
        beside = replace(route, beside=errand.id, quiet_seconds=0.0)
        change = ErrandChange(errand, question_for(errand), beside)
        await self._errands.change([change], self._clock.now())
        return told

    async def open_of(self, person: PersonId, place: Conversation | None = None) -> list[Errand]:
        """List what is done for a person, and was asked for in this place if one is named."""
        errands = await self._errands.open_of(person)
        own = [each for each in errands if each.is_background and each.is_for_people]
        return [each for each in own if place in (None, each.conversation)]

    async def list_for(self, person: PersonId, place: Conversation | None) -> str:
        """Tell what is done for a person."""
        errands = await self.open_of(person, place)
        return "\n".join([f"- {line_of(each)}" for each in errands]) or NOTHING

    async def show(self, errand: str, person: PersonId, place: Conversation | None) -> str:
        """Tell how one of them is, if it was asked for in this place where one is named."""
        known = await self._of(errand, person)
        if known is None or place not in (None, known.conversation):
            return UNKNOWN.format(id=errand[:40])
        how = _HOW[known.state]
        if known.is_open:
            asked = await self._errands.asked_for(known.id)
            how = _waits(asked) or how
        why = f": {known.answer}" if known.state is ErrandState.FAILED else ""
        return f"{line_of(known)}\n{how.capitalize()}{why}"

    async def cancel(
        self, errand: str, turn: Turn, message: InboundMessage, person: PersonId
    ) -> str:
        """Stop one of them, with all that was asked on its behalf."""
        known = await self._of(errand, person)
        if known is None:
            return UNKNOWN.format(id=errand[:40])
        if not known.is_open and known.state is not ErrandState.CANCELLED:
            return f"`{known.id}` is over: {_HOW[known.state]}."
        now = self._clock.now()
        family = [each for each in await self._errands.open_of(person) if each.root == known.id]
        changes = [ended(each, ErrandState.CANCELLED, STOPPED, now) for each in family]
        await self._errands.change(changes, now)
        await self._approvals.drop(await self._asked_below(known), message.sender)
        lane = Route(known.role, known.mode, beside=known.id).lane(person, known.conversation)
        await self._turns.cancel(turn.ref, Cancellation(message, person, (lane,)), now)
        return f"`{known.id}` is stopped."

    async def _asked_below(self, errand: Errand) -> list[str]:
        """Return the approvals that anybody waits for on its behalf, decided or not."""
        below = await self._errands.asked_for(errand.id)
        asked = [approval for each in below if (approval := approval_awaited(each)) is not None]
        for each in below:
            asked += await self._asked_below(each)
        return asked

    async def _of(self, errand: str, person: PersonId) -> Errand | None:
        known = await self._errands.get(errand)
        is_theirs = known is not None and known.person == person and known.id == known.root
        return known if is_theirs and errand.startswith(BACKGROUND) else None


def line_of(errand: Errand) -> str:
    """Return one line about what is done in the background."""
    wish = " ".join(errand.question.split())
    shown = wish if len(wish) <= _SHOWN else f"{wish[:_SHOWN]}…"
    return f"`{errand.id}` ({errand.role}, since {errand.asked_at:%Y-%m-%d %H:%M} UTC): {shown}"


def told_of_its_end(errand: Errand) -> NewDelivery | None:
    """Return what a person hears when time has run out; None for what agents ask each other."""
    if not (errand.is_background and errand.is_for_people):
        return None
    return NewDelivery(
        id=DeliveryId(f"{errand.id}.over"),
        conversation=errand.conversation,
        text=TIME_IS_OVER.format(id=errand.id),
        handle=errand.handle,
        is_private=errand.is_private,
    )


def _errand(
    wish: str, message: InboundMessage, person: PersonId, route: Route, now: datetime
) -> Errand:
    digest = hashlib.blake2b(message.idempotency_key.encode(), digest_size=12).hexdigest()
    name = f"{BACKGROUND}{digest}"
    return Errand(
        id=name,
        chain=(route.role,),
        root=name,
        person=person,
        conversation=message.conversation,
        sender=message.sender,
        question=wish,
        asked_at=now,
        expires_at=now + TIME,
        mode=route.mode,
        is_private=message.is_private,
        handle=message.handle if message.is_private else None,
    )


def _waits(asked: Sequence[Errand]) -> str:
    open_ones = [each.role for each in asked if each.is_open]
    return f"waits for {', '.join(open_ones)}" if open_ones else ""
