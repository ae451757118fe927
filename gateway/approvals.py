"""Asks people before an agent's tool call is carried out, and takes their answers.

A call that needs a yes does not hold up its turn: the agent hears at once that
the question was asked, and the decision comes to it later as a message.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.approvals import Approval, ApprovalState, Decision, approval_id
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, ButtonStyle, NewDelivery
from gateway.domain.errands import Errand, ErrandChange, decision_awaited
from gateway.domain.ids import PersonId
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Route, Sender, mode_of
from gateway.domain.tools import ToolCall, ToolResult, ToolSpec
from gateway.domain.turns import Turn
from gateway.errors import StoreUnavailable
from gateway.ports import Clock, Store

log = logging.getLogger(__name__)

LONGEST_ARGUMENTS = 1_000
"""Characters of a call's arguments that the question shows."""
ASKED = (
    "Not carried out yet: {who} asked to approve it (approval {id}). End your turn and say "
    "that you wait; you will be told the outcome in a message. Do not call it again meanwhile."
)
NOT_ASKED = (
    "Not carried out, and nobody was asked: another call with this id waits for an approval. "
    "Call it again."
)
NOBODY_TO_ASK = (
    "Not carried out: it needs an approval, and no approver is named for an agent that many "
    "people share. Tell the person that the operator has to set approvals.approvers."
)

_HIDDEN = (
    "An agent wants to use **{tool}**. It was asked in private: only who asked and the approvers "
    'see the rest, with "Show".'
)


@dataclass(frozen=True, slots=True)
class ApprovalOptions:
    """Who is asked about what, and for how long."""

    approvers: frozenset[str] = frozenset()
    """Identity keys. Without any, each person decides for their own agents."""
    tools: frozenset[str] = frozenset()
    """Tools that always need a yes, beside those that ask for it themselves."""
    wait: timedelta = timedelta(hours=1)
    """Without a decision in this time it is a no."""
    poll: timedelta = timedelta(seconds=5)
    """How often to look whose time is over."""


class Approvals:
    """Questions about tool calls. Each is asked once, decided once, and never forgotten."""

    def __init__(self, store: Store, clock: Clock, options: ApprovalOptions) -> None:
        self._store = store
        self._clock = clock
        self._options = options

    async def run(self) -> None:
        """Say no for those whose time is over, until cancelled."""
        while True:
            try:
                await self._expire()
            except StoreUnavailable as error:
                log.warning("approvals_not_read", extra={"error": str(error)})
            await asyncio.sleep(self._options.poll.total_seconds())

    def is_needed(self, spec: ToolSpec, call: ToolCall) -> bool:
        """Whether somebody has to say yes to this call first."""
        return spec.name in self._options.tools or spec.needs_approval(call)

    async def get(self, approval: str) -> Approval | None:
        """Return it as it stands; None when there is none of this id."""
        return await self._store.approvals.get(approval)

    async def ask(self, turn: Turn, call: ToolCall, errand: Errand | None = None) -> ToolResult:
        """Ask in the conversation of the turn; returns what the agent is told meanwhile.

        The errand that the agent works on stays open until it has heard the answer.
        """
        approval = self._approval(turn, call, errand)
        if approval.is_shared and not self._options.approvers:
            return ToolResult(call.id, NOBODY_TO_ASK, is_error=True)
        # An answer to what was asked in private would be seen by the one who asked alone.
        handle = None if approval.hides_arguments else _handle(turn, errand)
        question = replace(_question(approval), handle=handle)
        now = self._clock.now()
        asked = await self._store.approvals.ask(approval, question, now)
        if asked.call != call:
            return ToolResult(call.id, NOT_ASKED, is_error=True)
        if errand is not None:
            awaited = decision_awaited(errand, approval.id, call.name, now)
            await self._store.errands.change([ErrandChange(awaited)], now)
        log.info("approval_asked", extra={"approval": approval.id, "tool": call.name})
        who = "the approvers were" if self._options.approvers else "the person was"
        return ToolResult(call.id, ASKED.format(who=who, id=approval.id))

    async def decide(self, approval: str, by: Sender, *, is_yes: bool) -> str:
        """Take somebody's answer; returns what they are told. A repeat does no harm."""
        known = await self._store.approvals.get(approval)
        if known is None:
            return _unknown(approval)
        now = self._clock.now()
        if not await self._may_decide(known, by, is_yes=is_yes):
            await self._turn_away(known, by)
            return "This is not yours to decide."
        if known.state is ApprovalState.WAITING and known.expires_at > now:
            state = ApprovalState.APPROVED if is_yes else ApprovalState.DENIED
            if await self._store.approvals.decide(
                self._decision(known, state, _name(by), now), now
            ):
                return f"{_DONE[state]}: {known.call.name}."
            known = await self._store.approvals.get(approval) or known
        return _stands(known)

    async def show(self, approval: str, by: Sender) -> str:
        """Return the whole call, for who may decide about it and reads this alone."""
        known = await self._store.approvals.get(approval)
        if known is None:
            return _unknown(approval)
        if not await self._may_decide(known, by, is_yes=False):
            await self._turn_away(known, by)
            return "This is not yours to see."
        stands = "" if known.state is ApprovalState.WAITING else f"\n\n{_stands(known)}"
        return f"{_call(known)}{stands}"

    async def withdraw(self, place: Conversation, person: PersonId, by: Sender) -> int:
        """Say no to all that a person's agents ask in a place; counts them."""
        waiting = await self._store.approvals.waiting(place.id)
        own = [each for each in waiting if await self._is_owner(each, person)]
        now = self._clock.now()
        for each in own:
            decision = self._decision(each, ApprovalState.DENIED, _name(by), now)
            await self._store.approvals.decide(decision, now)
        return len(own)

    async def _expire(self) -> None:
        now = self._clock.now()
        while due := await self._store.approvals.due(now, 100):
            for each in due:
                decision = self._decision(each, ApprovalState.EXPIRED, "", now)
                await self._store.approvals.decide(decision, now)
                log.info("approval_expired", extra={"approval": each.id})

    async def _may_decide(self, approval: Approval, by: Sender, *, is_yes: bool) -> bool:
        if by.identity.key in self._options.approvers:
            return True
        may_say_yes = not self._options.approvers and not approval.is_shared
        if is_yes and not may_say_yes:
            return False
        person = await self._store.people.find_person(by.identity)
        return person is not None and await self._is_owner(approval, person.id)

    async def _turn_away(self, approval: Approval, by: Sender) -> None:
        await self._store.approvals.turn_away(approval.id, by.identity, self._clock.now())
        log.warning("approval_refused", extra={"approval": approval.id, "by": by.identity.key})

    async def _is_owner(self, approval: Approval, person: PersonId) -> bool:
        """Whether it is the person's own agent, or their words, that led to the question."""
        owner = await self._store.people.find_person(approval.sender.identity)
        return person == approval.person or (owner is not None and person == owner.id)

    def _approval(self, turn: Turn, call: ToolCall, errand: Errand | None) -> Approval:
        now = self._clock.now()
        is_private = any(message.is_private for message in turn.messages)
        return Approval(
            id=approval_id(turn.ref.id, call.id),
            call=call,
            turn=turn.ref.id,
            person=turn.person,
            role=turn.role,
            conversation=turn.conversation,
            sender=turn.messages[0].sender,
            mode=mode_of(turn.ref.lane),
            is_private=is_private and not self._options.approvers,
            asked_at=now,
            expires_at=now + self._options.wait,
            handle=_handle(turn, errand) if is_private else None,
        )

    def _decision(
        self, approval: Approval, state: ApprovalState, by: str, now: datetime
    ) -> Decision:
        news = InboundMessage(
            event_id=f"approval-{approval.id}",
            conversation=approval.conversation,
            sender=approval.sender,
            text=state.value,
            sent_at=now,
            kind=MessageKind.DECISION,
            role=approval.role,
            target=approval.id,
            handle=approval.handle,
            is_private=approval.handle is not None,
        )
        shown = f"{_heading(approval)}\n\n{_outcome(state, by, now)}"
        return Decision(approval, state, by, shown, news, Route(approval.role, approval.mode))


_DONE = {
    ApprovalState.APPROVED: "Approved",
    ApprovalState.DENIED: "Denied",
    ApprovalState.EXPIRED: "Nobody decided in time",
}


def _handle(turn: Turn, errand: Errand | None) -> str | None:
    """Return the way to answer the person for whom the agent works."""
    return turn.messages[0].handle or (None if errand is None else errand.handle)


def _name(sender: Sender) -> str:
    return _plain(sender.name) or "somebody"


def _outcome(state: ApprovalState, by: str, at: datetime) -> str:
    who = f" by {_plain(by)}" if by else ""
    return f"**{_DONE[state]}{who}** at {at:%Y-%m-%d %H:%M} UTC."


def _unknown(approval: str) -> str:
    return f'There is no approval "{approval[:24]}".'


def _stands(approval: Approval) -> str:
    if approval.decided_at is None:
        return "Its time is over; it will not be carried out."
    said = _outcome(approval.state, approval.decided_by, approval.decided_at)
    return f"This was decided before. {said}"


def _question(approval: Approval) -> NewDelivery:
    yes, no = f"/approve {approval.id}", f"/deny {approval.id}"
    text = (
        f"{_heading(approval)}\n\nMay it? Press a button, or write `{yes}` or `{no}`. "
        f"Without an answer by {approval.expires_at:%Y-%m-%d %H:%M} UTC it is not done."
    )
    return NewDelivery(
        id=approval.question,
        conversation=approval.conversation,
        text=text,
        is_private=approval.is_private,
        buttons=(
            Button("Approve", yes, ButtonStyle.GOOD),
            Button("Deny", no, ButtonStyle.DANGER),
            *((Button("Show", f"/approval {approval.id}"),) if approval.hides_arguments else ()),
        ),
    )


def _heading(approval: Approval) -> str:
    """Return what everybody reads who reads the question."""
    if approval.hides_arguments:
        return _HIDDEN.format(tool=_plain(approval.call.name))
    return _call(approval)


def _call(approval: Approval) -> str:
    shown = _shown_arguments(approval.call.arguments)
    return f"Your agent wants to use **{_plain(approval.call.name)}**:\n```json\n{shown}\n```"


def _shown_arguments(arguments: str) -> str:
    """Return the arguments for people to read; nothing in them can end the code block."""
    try:
        text = json.dumps(json.loads(arguments or "{}"), indent=2, ensure_ascii=False)
    except ValueError:
        text = arguments
    text = "".join(c for c in text if c == "\n" or c.isprintable()).replace("`", "'")
    if len(text) <= LONGEST_ARGUMENTS:
        return text
    return f"{text[:LONGEST_ARGUMENTS]}\n… ({len(text):,} characters in all)"


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "*_`[]<>")[:80]
