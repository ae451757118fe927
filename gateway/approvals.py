"""Asks people before an agent's tool call is carried out, and takes their answers.

A call that needs a yes does not hold up its turn: the agent hears at once that
the question was asked, and the decision comes to it later as a message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.approvals import Approval, ApprovalState, Decision, approval_id
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.errands import Errand, ErrandChange, awaited_id, decision_awaited
from gateway.domain.ids import PersonId
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Identity, Route, Sender, mode_of
from gateway.domain.tools import ToolCall, ToolResult, ToolSpec, is_named
from gateway.domain.turns import Turn
from gateway.errors import StoreUnavailable
from gateway.ports import Adapter, Clock, Store
from gateway.questions import (
    DONE,
    call_of,
    heading,
    how_it_stands,
    line_of,
    name_of,
    note_of,
    outcome,
    question_of,
    unknown,
)

log = logging.getLogger(__name__)

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

NOBODY_TOLD = (
    " No approver could be told: none can be written to in a direct message. Tell the person "
    "to show one of them this id."
)
LISTED = 20
"""Approvals that a list names; it counts the rest."""
_LOOKED_THROUGH = 100
"""Messages of an approver among which their direct conversation is looked for."""
_FAR = timedelta(days=400)
"""Longer than anything waits."""


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
    channel: Conversation | None = None
    """Where the approvers read what is asked elsewhere; None for their direct conversations."""


class Approvals:
    """Questions about tool calls. Each is asked once, decided once, and never forgotten."""

    def __init__(
        self,
        store: Store,
        adapters: Mapping[str, Adapter],
        clock: Clock,
        options: ApprovalOptions,
    ) -> None:
        self._store = store
        self._adapters = adapters
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
        return is_named(spec.name, self._options.tools) or spec.needs_approval(call)

    def is_approver(self, account: Identity) -> bool:
        """Whether the operator named the account as one that decides about tool calls."""
        return account.key in self._options.approvers

    def may_approve(self, account: Identity) -> bool:
        """Whether the account may say yes to what its person's own agents ask."""
        return not self._options.approvers or self.is_approver(account)

    async def get(self, approval: str) -> Approval | None:
        """Return it as it stands; None when there is none of this id."""
        return await self._store.approvals.get(approval)

    async def ask(self, turn: Turn, call: ToolCall, errand: Errand | None = None) -> ToolResult:
        """Ask in the conversation of the turn; returns what the agent is told meanwhile.

        Where approvers do not read that, they are asked where they do, in the same commit.
        The errand that the agent works on stays open until it has heard the answer.
        """
        approval = self._approval(turn, call, errand)
        approval = replace(approval, copies=await self._copies(approval))
        if approval.is_shared and not self._options.approvers:
            return ToolResult(call.id, NOBODY_TO_ASK, is_error=True)
        # An answer to what was asked in private would be seen by the one who asked alone.
        handle = None if approval.hides_arguments else _handle(turn, errand)
        first, *copies = self._questions(approval)
        questions = [replace(first, handle=handle), *copies]
        now = self._clock.now()
        asked = await self._store.approvals.ask(approval, questions, now)
        if asked.call != call:
            return ToolResult(call.id, NOT_ASKED, is_error=True)
        if errand is not None:
            awaited = decision_awaited(errand, approval.id, call.name, now)
            await self._store.errands.change([ErrandChange(awaited)], now)
        log.info("approval_asked", extra={"approval": approval.id, "tool": call.name})
        return ToolResult(call.id, self._told(asked))

    async def decide(self, approval: str, by: Sender, *, is_yes: bool) -> str:
        """Take somebody's answer; returns what they are told. A repeat does no harm."""
        known = await self._store.approvals.get(approval)
        if known is None:
            return unknown(approval)
        now = self._clock.now()
        if not await self._may_decide(known, by, is_yes=is_yes):
            await self._turn_away(known, by)
            return "This is not yours to decide."
        if known.state is ApprovalState.WAITING and known.expires_at > now:
            state = ApprovalState.APPROVED if is_yes else ApprovalState.DENIED
            if await self._store.approvals.decide(
                await self._decision(known, state, name_of(by), now), now
            ):
                return f"{DONE[state]}: {known.call.name}."
            known = await self._store.approvals.get(approval) or known
        return how_it_stands(known)

    async def show(self, approval: str, by: Sender) -> str:
        """Return the whole call, for who may decide about it and reads this alone."""
        known = await self._store.approvals.get(approval)
        if known is None:
            return unknown(approval)
        if not await self._may_decide(known, by, is_yes=False):
            await self._turn_away(known, by)
            return "This is not yours to see."
        stands = "" if known.state is ApprovalState.WAITING else f"\n\n{how_it_stands(known)}"
        return f"{call_of(known)}{stands}"

    async def list_for(self, by: Sender, place: Conversation) -> str:
        """Tell what waits for an approver; whoever is none hears what their agents ask here."""
        now = self._clock.now()
        if by.identity.key in self._options.approvers:
            waiting = await self._store.approvals.due(now + _FAR, 1_000)
        else:
            person = await self._store.people.find_person(by.identity)
            here = await self._store.approvals.waiting(place.id) if person else []
            waiting = [each for each in here if person and await self._is_owner(each, person.id)]
        lines = [line_of(each) for each in waiting if each.expires_at > now]
        more = [f"- … and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
        how = "`/approval ID` shows one, `/approve ID` and `/deny ID` decide."
        return "\n".join([*lines[:LISTED], *more, how]) if lines else "Nothing waits for a yes."

    async def withdraw(self, place: Conversation, person: PersonId, by: Sender) -> int:
        """Say no to all that a person's agents ask in a place; counts them.

        What is asked for something that is done in the background is left alone.
        """
        waiting = await self._store.approvals.waiting(place.id)
        own = [each for each in waiting if await self._is_owner(each, person)]
        beside = [each for each in own if await self._is_beside(each)]
        withdrawn = [each for each in own if each not in beside]
        await self._deny(withdrawn, by)
        return len(withdrawn)

    async def drop(self, approvals: Sequence[str], by: Sender) -> None:
        """Say no to these, for nobody wants any more what they are asked for."""
        known = [await self._store.approvals.get(each) for each in approvals]
        await self._deny([each for each in known if each is not None], by)

    async def _deny(self, approvals: Sequence[Approval], by: Sender) -> None:
        now = self._clock.now()
        for each in approvals:
            decision = await self._decision(each, ApprovalState.DENIED, name_of(by), now)
            await self._store.approvals.decide(decision, now)

    async def _is_beside(self, approval: Approval) -> bool:
        awaited = await self._store.errands.get(awaited_id(approval.id))
        return awaited is not None and awaited.is_background

    async def _expire(self) -> None:
        now = self._clock.now()
        while due := await self._store.approvals.due(now, 100):
            for each in due:
                decision = await self._decision(each, ApprovalState.EXPIRED, "", now)
                await self._store.approvals.decide(decision, now)
                log.info("approval_expired", extra={"approval": each.id})

    async def _copies(self, approval: Approval) -> tuple[Conversation, ...]:
        """Return where the approvers read what they would not see where it came up."""
        place, channel = approval.conversation, self._options.channel
        if not self._options.approvers or approval.sender.identity.key in self._options.approvers:
            return ()
        if channel is not None:
            return () if channel == place else (channel,)
        if not place.is_direct:
            return ()
        homes = [await self._home_of(key) for key in sorted(self._options.approvers)]
        return tuple(dict.fromkeys(home for home in homes if home not in (None, place)))

    async def _home_of(self, approver: str) -> Conversation | None:
        """Return where the approver wrote last with nobody else there, or else can be written to.

        None where the platform opens no such place for them.
        """
        identity = Identity(*approver.split(":", 2))
        person = await self._store.people.find_person(identity)
        said = [] if person is None else await self._store.personal.said(person.id, _LOOKED_THROUGH)
        for each in said:
            if _is_home(each.conversation, identity):
                return each.conversation
        adapter = self._adapters.get(identity.platform)
        return None if adapter is None else await adapter.direct_with(identity)

    def _told(self, approval: Approval) -> str:
        """Return what the agent is told who is asked."""
        who = "the approvers were" if self._options.approvers else "the person was"
        told = ASKED.format(who=who, id=approval.id)
        return told + NOBODY_TOLD if self._waits_unseen(approval) else told

    def _waits_unseen(self, approval: Approval) -> bool:
        is_among_others = bool(approval.copies) or not approval.conversation.is_direct
        return not is_among_others and self._is_for_others(approval)

    def _is_for_others(self, approval: Approval) -> bool:
        """Whether who led to the call may not say yes to it."""
        approvers = self._options.approvers
        return bool(approvers) and approval.sender.identity.key not in approvers

    def _questions(self, approval: Approval) -> list[NewDelivery]:
        """Return what asks; who can't say yes, and is alone where it came up, is only told."""
        is_told = approval.conversation.is_direct and self._is_for_others(approval)
        first = note_of(approval) if is_told else question_of(approval, *approval.questions[0])
        return [first, *(question_of(approval, *each) for each in approval.questions[1:])]

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

    async def _decision(
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
        said = outcome(state, by, now)
        places = sorted(approval.questions, key=lambda each: each[1].id)
        shown = tuple((name, f"{heading(approval, place)}\n\n{said}") for name, place in places)
        awaited = await self._store.errands.get(awaited_id(approval.id))
        route = Route(approval.role, approval.mode, beside=awaited.beside if awaited else "")
        return Decision(approval, state, by, shown, news, route)


def _handle(turn: Turn, errand: Errand | None) -> str | None:
    """Return the way to answer the person for whom the agent works."""
    return turn.messages[0].handle or (None if errand is None else errand.handle)


def _is_home(place: Conversation, identity: Identity) -> bool:
    workspaces = (place.workspace, identity.workspace)
    is_there = place.platform != "slack" or workspaces[0] == workspaces[1]
    return place.is_direct and place.platform == identity.platform and is_there
