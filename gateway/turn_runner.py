"""Runs one turn: what people said → the agent → tools → the deliveries that end it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace

from gateway.answer import Answer, Voice, notice_id
from gateway.approvals import ApprovalOptions, Approvals
from gateway.background import Background
from gateway.budgets import charge_of
from gateway.commands import COMMANDS, Commands, Reach
from gateway.doing import Doing
from gateway.domain.deliveries import NewDelivery
from gateway.domain.errands import Errand
from gateway.domain.fires import NOTHING_NEW, OVER_BUDGET
from gateway.domain.ids import TurnId
from gateway.domain.places import PlaceRules
from gateway.domain.turns import TextDelta, Turn, TurnOutcome, TurnState
from gateway.drafts import Drafts
from gateway.earlier_talk import EarlierTalk
from gateway.errors import BadInput, Refused, RetryLater
from gateway.freshness import Freshness
from gateway.leases import Lease
from gateway.mind import Mind
from gateway.pauses import Pauses
from gateway.ports import (
    Adapter,
    Clock,
    Store,
)
from gateway.queue_modes import QueueModes
from gateway.retries import GiveUp, RetryAt, RetryPolicy, decide_turn_retry
from gateway.rounds import End, RoundLimits, Rounds
from gateway.teamwork import NO_DUTY, Duty, Teamwork
from gateway.telemetry import Metrics
from gateway.tool_calls import Hands, ToolLimits
from gateway.tool_lines import ToolLevel, ToolLines

log = logging.getLogger(__name__)

ANSWER_IS_LATE = (
    "My mind can't be reached right now. Your message is safe, "
    "and I'll answer as soon as it is back."
)
LATE = "late"
"""The notice's name in its turn."""
AGENT_IS_GONE = 'the agent "{role}" is not here any more.'
AGAIN = "Again"
"""Stands before the answer to a question that was asked again."""
COULD_NOT_ANSWER = "Sorry, I could not answer this: {reason}"
WAKEUP_FAILED = "A wakeup failed: {reason}"
PLATFORM_IS_OFF = (
    'Nobody can answer on "{platform}": it is switched off here. Switch it on, or drop what waits.'
)
UNKNOWN_FAULT = "something went wrong on our side. The operator can see it in the log."


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """Limits of one turn."""

    deadline_seconds: float = 900.0
    """A turn that runs longer is stopped, and its person told."""
    max_tool_rounds: int = 16
    tools: ToolLimits = field(default_factory=ToolLimits)
    tool_lines: ToolLevel = ToolLevel.SUMMARY
    approvals: ApprovalOptions = field(default_factory=ApprovalOptions)
    admins: frozenset[str] = frozenset()
    """Who may pause channels, as identity keys."""
    most_in_background: int = 3
    """What one person may have done beside their conversations at once."""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    freshness: Freshness = field(default_factory=Freshness)
    quoted_messages: int = 0
    """Messages of others in a channel that an agent is quoted when it is spoken to there."""
    places: PlaceRules = field(default_factory=PlaceRules)
    """Where it is quoted some without a number."""


class TurnRunner:
    """Answers turns. Every step can be repeated after a crash without a second effect.

    The rounds with the runtime carry idempotency keys, so a repeat re-attaches;
    tool results are journaled; drafts and deliveries have ids made from the turn's.
    """

    def __init__(
        self,
        store: Store,
        adapters: Mapping[str, Adapter],
        mind: Mind,
        drafts: Drafts,
        clock: Clock,
        metrics: Metrics,
        options: TurnOptions,
    ) -> None:
        self._store = store
        self._adapters = adapters
        self._mind = mind
        self._drafts = drafts
        self._clock = clock
        self._metrics = metrics
        self._options = options
        self.approvals = Approvals(store, adapters, clock, options.approvals)
        self._hands = Hands(mind.toolbox, store.turns, self.approvals, options.tools, metrics)
        self.teamwork = mind.teamwork or Teamwork(store, clock, mind.routes)
        self._commands = Commands(self._reach())
        limits = RoundLimits(options.deadline_seconds, options.max_tool_rounds)
        talk = EarlierTalk(adapters, store.notes, options.quoted_messages, options.places)
        self._rounds = Rounds(store, mind, limits, talk)

    def _reach(self) -> Reach:
        store, mind, clock, options = self._store, self._mind, self._clock, self._options
        return Reach(
            store=store,
            runtime=mind.runtime,
            routes=mind.routes,
            clock=clock,
            constellation=mind.constellation,
            approvals=self.approvals,
            pauses=Pauses(store.notes),
            background=Background(store, clock, self.approvals, options.most_in_background),
            queues=QueueModes(store.notes, store.people, store.fires),
            admins=options.admins,
            memory=mind.memory,
            wakeups=mind.wakeups,
            artifacts=mind.artifacts,
            budgets=mind.budgets,
            errands=self.teamwork,
            models=mind.models,
            own_models=mind.own_models,
            archive=mind.archive,
            files=mind.files,
            circles=mind.circles,
            renewals=mind.renewals,
        )

    async def run(self, turn: Turn, lease: Lease) -> None:
        """Run the turn to its end, or give it back to be claimed again later.

        Raises Fenced when another worker has the turn, and StoreUnavailable when
        its end could not be stored: then its lease runs out and it is run again.
        """
        adapter = self._adapters.get(turn.conversation.platform)
        if adapter is None:
            await self._wait_for_platform(turn)
            return
        duty = await self.teamwork.duty(turn)
        answer = self._new_answer(turn, adapter, duty)
        with self._drafts.held(turn.ref.id, lease), self._rounds.held(turn):
            await self._run(turn, adapter, answer, duty)

    async def stop(self, turn: TurnId) -> None:
        """Stop a turn that its person cancelled; it ends with what was said so far.

        Harmless when it does not run here, and when repeated. Raises
        RuntimeUnavailable when it is to be called again.
        """
        await self._rounds.stop(turn)

    async def set_aside(self, turn: Turn, error: Exception) -> None:
        """Give back, or give up, a turn that failed in a way that nobody foresaw."""
        duty = await self.teamwork.duty(turn)
        adapter = self._adapters[turn.conversation.platform]
        await self._set_aside(turn, self._new_answer(turn, adapter, duty), error, duty)

    def _new_answer(self, turn: Turn, adapter: Adapter, duty: Duty) -> Answer:
        is_for_nobody = any(message.is_for_nobody for message in turn.messages)
        voice = Voice(is_silent=True) if is_for_nobody else self.teamwork.voice(turn, duty)
        if any(message.is_again for message in turn.messages):
            voice = replace(voice, name=f"{voice.name}, again" if voice.name else AGAIN)
        return Answer(turn, adapter, self._store.turns, self._drafts, self._clock, voice)

    async def _run(
        self, turn: Turn, adapter: Adapter, answer: Answer, duty: Duty = NO_DUTY
    ) -> None:
        try:
            if turn.role == COMMANDS.role:
                outcome = await self._answer_commands(turn, answer)
            elif duty.is_over or (turn.is_cancelled and self.teamwork.leads(turn)):
                outcome = TurnOutcome(TurnState.CANCELLED)
            elif self.teamwork.leads(turn):
                outcome = await self._answer_together(turn, answer, duty)
            elif (excess := await self._excess(turn)) is not None:
                outcome = await self._answer_excess(turn, answer, excess)
            elif (briefed := await self._briefed(turn)) is None:
                outcome = TurnOutcome(TurnState.CANCELLED, error=NOTHING_NEW)
            else:
                async with _typing(adapter, turn, answer):
                    end = await self._answer(briefed, answer, duty.errand)
                outcome = await self._outcome(turn, answer, end)
        except (Refused, RetryLater) as error:
            await self._set_aside(turn, answer, error, duty)
        else:
            await self._finish(turn, answer, outcome, duty)

    async def _briefed(self, turn: Turn) -> Turn | None:
        """Return a wakeup with what is new for it; None when no model needs to be asked."""
        briefing = self._mind.briefing
        if briefing is None or not turn.is_wakeup or turn.is_cancelled:
            return turn
        return await briefing.brief(turn)

    async def _answer_commands(self, turn: Turn, answer: Answer) -> TurnOutcome:
        told = await self._commands.answer(turn)
        await answer.add(TextDelta("command", told.text))
        answer.enclose(told.files)
        return TurnOutcome(TurnState.DONE, answer.deliveries())

    async def _answer_together(self, turn: Turn, answer: Answer, duty: Duty) -> TurnOutcome:
        """Take a group's next step: what its members say are turns of their own."""
        await answer.add(TextDelta("group", await self.teamwork.lead(turn, duty)))
        return TurnOutcome(TurnState.DONE, answer.deliveries())

    async def _excess(self, turn: Turn) -> str | None:
        """Ask the budgets, unless the turn has begun: what it costs is spent already."""
        if self._mind.budgets is None or turn.runs or turn.is_cancelled:
            return None
        return await self._mind.budgets.excess(turn)

    async def _answer_excess(self, turn: Turn, answer: Answer, excess: str) -> TurnOutcome:
        """Tell the person that a budget is used up; nobody waits for what a schedule wakes."""
        self._metrics.turns_over_budget.inc()
        if turn.is_wakeup and not any(message.is_by_hand for message in turn.messages):
            return TurnOutcome(TurnState.CANCELLED, error=OVER_BUDGET)
        await answer.add(TextDelta("budget", excess))
        return TurnOutcome(TurnState.DONE, answer.deliveries(), error=OVER_BUDGET)

    async def _outcome(self, turn: Turn, answer: Answer, end: End) -> TurnOutcome:
        """Put the end of a turn down, with a word to the person when their budget runs low."""
        if answer.first_at is not None:
            waited = answer.first_at - turn.started_at
            self._metrics.first_text_seconds.observe(waited.total_seconds())
        charge = charge_of(turn, end.tokens)
        late = self._options.freshness.remark(turn, self._clock.now())
        if late is not None:
            answer.remark(late)
        deliveries = answer.deliveries()
        budgets = self._mind.budgets
        warning = None if budgets is None else await budgets.warning(charge, turn)
        if warning is not None and not turn.is_wakeup:
            deliveries = (*deliveries, answer.notice(warning, name="budget"))
        return TurnOutcome(end.state, deliveries, charge=charge)

    async def _answer(self, turn: Turn, answer: Answer, errand: Errand | None) -> End:
        if turn.role not in self._mind.routes:
            raise BadInput(AGENT_IS_GONE.format(role=turn.role))
        if self._mind.renewals is not None:
            await self._mind.renewals.before(turn)
        session = await self._mind.constellation.session_for(turn)
        doing = Doing(turn, answer, self._hands, ToolLines(self._options.tool_lines), errand)
        return await self._rounds.run(doing, session)

    async def _wait_for_platform(self, turn: Turn) -> None:
        """Give a turn back whose platform is off here; a wakeup's ends: others wait behind it."""
        platform, now = turn.conversation.platform, self._clock.now()
        if turn.is_cancelled:
            await self._end(turn, TurnOutcome(TurnState.CANCELLED))
            return
        error = RetryLater(PLATFORM_IS_OFF.format(platform=platform), retry_after_seconds=60.0)
        reason = f"{type(error).__name__}: {error}"
        over = GiveUp(reason) if turn.is_wakeup else None
        match over or decide_turn_retry(error, turn, now, self._options.retry):
            case RetryAt(at):
                await self._store.turns.postpone(turn.ref, at, reason, None, now)
            case GiveUp(why):
                await self._end(turn, TurnOutcome(TurnState.FAILED, (), why))

    async def _set_aside(self, turn: Turn, answer: Answer, error: Exception, duty: Duty) -> None:
        now = self._clock.now()
        reason = f"{type(error).__name__}: {error}"
        is_stopped = self._rounds.is_stopped(turn)
        match decide_turn_retry(error, turn, now, self._options.retry):
            case RetryAt(at):
                is_told = not is_stopped and _is_time_to_tell(turn, answer)
                late = answer.notice(ANSWER_IS_LATE, name=LATE) if is_told else None
                await self._store.turns.postpone(turn.ref, at, reason, late, now)
                self._metrics.turns_postponed.inc()
                log.warning("turn_postponed", extra={"turn": turn.ref.id, "error": reason})
            case GiveUp(why) if is_stopped:  # nobody waits for it, so nobody is told
                shown, charge = answer.deliveries(), charge_of(turn, 0)
                outcome = TurnOutcome(TurnState.CANCELLED, shown, why, charge)
                await self._finish(turn, answer, outcome, duty)
            case GiveUp(why):
                said = str(error) if isinstance(error, Refused) else UNKNOWN_FAULT
                sorry = () if answer.voice.is_silent else _sorry(turn, answer, said)
                deliveries = (*answer.deliveries(), *sorry)
                outcome = TurnOutcome(TurnState.FAILED, deliveries, why, charge_of(turn, 0))
                await self._finish(turn, answer, outcome, duty)

    async def _finish(self, turn: Turn, answer: Answer, outcome: TurnOutcome, duty: Duty) -> None:
        await answer.close()
        await self.teamwork.settle(turn, duty, outcome, answer.text)
        await self._end(turn, outcome)

    async def _end(self, turn: Turn, outcome: TurnOutcome) -> None:
        now = self._clock.now()
        if turn.was_noticed:
            outcome = replace(outcome, outdated=(notice_id(turn, LATE),))
        await self._store.turns.finish(turn.ref, outcome, now)
        self._metrics.turns.labels(outcome=outcome.state).inc()
        if outcome.charge is not None:
            self._metrics.tokens.labels(role=turn.role).inc(outcome.charge.tokens)
        self._metrics.turn_seconds.observe((now - turn.started_at).total_seconds())
        details = {"turn": turn.ref.id, "outcome": outcome.state, "attempt": turn.attempt}
        level = logging.ERROR if outcome.state is TurnState.FAILED else logging.INFO
        log.log(level, "turn_ended", extra={**details, "error": outcome.error})


def _sorry(turn: Turn, answer: Answer, reason: str) -> tuple[NewDelivery, ...]:
    """Tell whoever waits; of failing schedules their owners are told elsewhere, and once."""
    if turn.is_wakeup and not any(each.is_hooked or each.is_by_hand for each in turn.messages):
        return ()
    words = WAKEUP_FAILED if turn.is_wakeup else COULD_NOT_ANSWER
    return (answer.notice(words.format(reason=reason), name="sorry"),)


def _is_time_to_tell(turn: Turn, answer: Answer) -> bool:
    """Say once that the answer is late, and not for a hiccup that the first retry mends.

    Where only a schedule woke the agent, nobody waits for one.
    """
    is_awaited = not turn.is_wakeup and not answer.voice.is_silent
    return is_awaited and turn.was_postponed and not turn.was_noticed


def _typing(adapter: Adapter, turn: Turn, answer: Answer) -> AbstractAsyncContextManager[None]:
    """Show people that their answer is on its way; a wakeup may end in silence."""
    is_unseen = turn.is_wakeup or answer.voice.is_whole
    return nullcontext() if is_unseen else adapter.show_typing(turn.conversation)
