"""The step loop itself: think, store the step with its tools' effects, show it, go on.

A step is one transaction: the reply, what its tools did and answered, the events and, for the
last one, the end of the run. So a restart finds only whole steps, and repeats none of them.
"""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from agents.embedded.errors import EmbeddedError, ModelError
from agents.embedded.ids import new_id, new_uuid
from agents.embedded.models.model import Model, ModelRequest
from agents.embedded.records import (
    AssistantSaid,
    Json,
    Message,
    Run,
    RunStatus,
    ToolReturn,
    ToolsReturned,
)
from agents.embedded.sending import sent_text
from agents.embedded.steps import context as contexts
from agents.embedded.steps.compaction import Compactor
from agents.embedded.steps.context import Frame, Overflow, StepContext
from agents.embedded.steps.core_tools import ToolContext, execute
from agents.embedded.steps.ending import stop_reason_after
from agents.embedded.steps.histories import Histories
from agents.embedded.steps.recall import Recall
from agents.embedded.steps.reply import ReplyHead, ReplyParser
from agents.embedded.steps.searches import search
from agents.embedded.steps.stream import RunStream, StreamEvent, pack
from agents.embedded.steps.turn import ActiveTurn
from agents.embedded.steps.user_tools import UserTools
from agents.embedded.store import conversations, messages, runs
from agents.embedded.store.database import Database
from agents.embedded.wire import messages_json, usage_json

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends."""

    stop_reason: str
    status: RunStatus = "completed"
    error: Json | None = None


class StepLoop:
    """Runs turns, one call of `run` each; safe for many turns at once."""

    def __init__(
        self,
        database: Database,
        model: Model,
        compactor: Compactor,
        tools: UserTools,
        recall: Recall | None = None,
    ) -> None:
        self._database = database
        self._model = model
        self._compactor = compactor
        self._tools = tools
        self._histories = Histories()
        self._recall = recall
        """Searches by meaning; None leaves the tools that search to their words."""

    async def run(self, turn: ActiveTurn) -> None:
        """Step until the turn ends; cancelled from outside it can be taken up again."""
        try:
            await self._step_until_end(turn)
        except ModelError as error:
            failure = _error_json(turn.run.id, error.kind, error.message, error.detail)
            reason = "error" if error.kind == "internal_error" else "llm_api_error"
            await self._end(turn, Ending(reason, "failed", failure))
        except EmbeddedError as error:
            failure = _error_json(turn.run.id, "internal_error", error.detail, error.detail)
            await self._end(turn, Ending("error", "failed", failure))
        except Exception as error:  # the edge of a turn: others must go on
            log.exception("turn_failed", extra={"run": turn.run.id})
            failure = _error_json(
                turn.run.id, "internal_error", "The server failed in this turn.", repr(error)
            )
            await self._end(turn, Ending("error", "failed", failure))

    async def _step_until_end(self, turn: ActiveTurn) -> None:
        if turn.run.request.include_pings:
            turn.stream.say(ping_json(turn.run.id))
        while turn.run.is_active:
            run = turn.run
            request = await self._next_request(turn)
            if request is None:
                await self._end(turn, Ending("cancelled", "cancelled"))
                return
            head = ReplyHead(new_id("message"), run.id, new_id("step"), _now().isoformat())
            names = frozenset(tool.name for tool in request.tools if tool.by_client)
            parser = ReplyParser(head, names)
            try:
                heard = await self._think(turn, parser, request)
            except ModelError as error:
                if not turn.may_squeeze(error, parser.reply):
                    raise
                continue
            if heard:
                await self._finish_step(turn, head, parser, request)
            else:
                await self._end_cancelled(turn, head, parser.reply)

    async def _next_request(self, turn: ActiveTurn) -> ModelRequest | None:
        """What the model is shown next; None when the turn was cancelled meanwhile."""
        context, frame = await self._framed(turn)
        full = contexts.overflow(context, frame)
        if full is not None:
            if not await turn.interruptible(self._compact(turn, context.summary, full)):
                return None
            context, frame = await self._framed(turn)
        return contexts.build_request(context, frame)

    def foresee(self, db: sqlite3.Connection, run: Run) -> StepContext | None:
        """Read what the run's next step depends on, in the hop that stored the last one.

        None when the run is over, or when that fails: then the step reads for itself, and tells.
        """
        if not run.is_active:
            return None
        try:
            return contexts.load(db, run, self._histories)
        except Exception:  # noqa: BLE001 - a run that is stored must start, and end with the error
            return None

    async def _framed(self, turn: ActiveTurn) -> tuple[StepContext, Frame]:
        """Everything stored that the step depends on, and what of it goes around the talk."""
        run, context = turn.run, turn.take_foreseen()
        if context is None:
            _, context = await self._database.write_then_read(
                lambda _: None, lambda db, _: contexts.load(db, run, self._histories)
            )
        window = contexts.window_of(context, self._compactor.window) >> turn.squeezed
        return context, contexts.frame(context, run, _now(), window)

    async def _compact(self, turn: ActiveTurn, old: str, full: Overflow) -> None:
        """Summarise what no longer fits; the turn that needed it pays for it."""
        made = await self._compactor.compact(old, full)
        turn.run = replace(turn.run, usage=turn.run.usage.plus(made.usage))

    async def _think(self, turn: ActiveTurn, parser: ReplyParser, request: ModelRequest) -> bool:
        """Hear the model out, showing its tokens; False when the turn was cancelled."""
        return await turn.interruptible(self._hear(turn, parser, request))

    async def _hear(self, turn: ActiveTurn, parser: ReplyParser, request: ModelRequest) -> None:
        async with aclosing(self._model.stream(request)) as events:
            async for event in events:
                _show_piece(turn, parser.take(event))

    async def _finish_step(
        self, turn: ActiveTurn, head: ReplyHead, parser: ReplyParser, request: ModelRequest
    ) -> None:
        message = _reply_message(turn.run, head, parser.reply)
        run = replace(turn.run, usage=turn.run.usage.plus(parser.usage))
        returned: dict[str, ToolReturn] = {}

        async def use_tools() -> None:
            calls = parser.reply.calls
            returned.update(await self._tools.carry_out(calls, request.tools))
            if self._recall is not None:
                returned.update(await search(self._recall, turn.run.agent_id, calls))

        if parser.reply.calls and not await turn.interruptible(use_tools()):
            await self._end_cancelled(turn, head, parser.reply)
            return
        moment = _now().isoformat()
        step = FinishedStep(run, message, turn.stream, moment, turn.is_cancelled, returned)
        (run, shown), turn.foreseen = await self._database.write_then_read(
            lambda db: store_step(db, step), lambda db, stored: self.foresee(db, stored[0])
        )
        self._show_stored(turn, run, shown)

    async def _end_cancelled(self, turn: ActiveTurn, head: ReplyHead, said: AssistantSaid) -> None:
        partial = AssistantSaid(said.text, said.reasoning) if said.text else None
        message = None if partial is None else _reply_message(turn.run, head, partial)
        await self._end(turn, Ending("cancelled", "cancelled"), message)

    async def _end(self, turn: ActiveTurn, ending: Ending, message: Message | None = None) -> None:
        stream, run, moment = turn.stream, turn.run, _now().isoformat()

        def store(db: sqlite3.Connection) -> tuple[Run, list[StreamEvent]]:
            if message is not None:
                messages.insert(db, message)
            if ending.status == "failed" and not run.usage.steps:
                messages.reject_input(db, run.id)
            return end_run(db, run, stream, ending, moment)

        run, shown = await self._database.write(store)
        self._show_stored(turn, run, shown)

    def _show_stored(self, turn: ActiveTurn, run: Run, shown: list[StreamEvent]) -> None:
        turn.run = run
        turn.stream.show(shown)
        turn.stream.mark_saved()


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A reply that is complete and not stored yet."""

    run: Run
    message: Message
    stream: RunStream
    moment: str
    is_cancelled: bool
    returned: Mapping[str, ToolReturn]
    """What stored tools answered; core tools run with the step's own transaction."""


def store_step(db: sqlite3.Connection, step: FinishedStep) -> tuple[Run, list[StreamEvent]]:
    """Store a step and what its tools do; gives the run after it and the events to show."""
    run, reply = step.run, step.message.body
    if not isinstance(reply, AssistantSaid):
        raise TypeError("a step is a reply of the model")
    messages.insert(db, step.message)
    payloads = _reply_payloads(run, step.message)
    calls = [call for call in reply.calls if not call.by_client]
    if calls:
        tools = ToolContext(db, run.agent_id, step.moment, run.id)
        returned = replace(
            step.message,
            id=new_id("message"),
            created_at=step.moment,
            body=ToolsReturned(
                tuple(step.returned.get(call.id) or execute(tools, call) for call in calls)
            ),
        )
        messages.insert(db, returned)
        payloads += messages_json([returned])
    reason = stop_reason_after(reply, run, is_cancelled=step.is_cancelled)
    if reason is None:
        return _store_events(db, run, step.stream, step.stream.draft(_wanted(run, payloads)))
    if reason == "requires_approval":
        conversations.set_pending(db, run.conversation_id, step.message.id)
    status = "cancelled" if reason == "cancelled" else "completed"
    return end_run(db, run, step.stream, Ending(reason, status), step.moment, payloads)


def end_run(
    db: sqlite3.Connection,
    run: Run,
    stream: RunStream,
    ending: Ending,
    moment: str,
    payloads: list[Json] | None = None,
) -> tuple[Run, list[StreamEvent]]:
    """Store the end of a run and its last events."""
    ended = replace(
        run,
        status=ending.status,
        stop_reason=ending.stop_reason,
        completed_at=moment,
        error=ending.error,
    )
    last: list[Json] = [{"message_type": "stop_reason", "stop_reason": ending.stop_reason}]
    if ending.error is None:
        last.append(usage_json(ended.usage, run.id))
    drafts = stream.draft([*_wanted(run, payloads or []), *last], error=ending.error)
    return _store_events(db, ended, stream, drafts)


def ping_json(run_id: str) -> Json:
    """A sign of life; the first one of a stream tells the run's id."""
    return {
        "message_type": "ping",
        "id": f"ping-{new_uuid()}",
        "date": _now().isoformat(),
        "run_id": run_id,
    }


def _store_events(
    db: sqlite3.Connection, run: Run, stream: RunStream, drafts: list[StreamEvent]
) -> tuple[Run, list[StreamEvent]]:
    runs.save(db, run)
    events = [*stream.unsaved(), *drafts]
    if events:
        runs.append_events(db, run.id, pack(events))
    return run, drafts


def _show_piece(turn: ActiveTurn, payload: Json | None) -> None:
    if payload is None:
        return
    if turn.run.first_token_ns is None:
        turn.run = replace(turn.run, first_token_ns=turn.elapsed_ns)
    if turn.run.request.stream_tokens and _wanted(turn.run, [payload]):
        turn.stream.say(payload)


def _reply_payloads(run: Run, message: Message) -> list[Json]:
    """The whole reply when tokens are not streamed, else what no token showed."""
    parts = messages_json([message])
    if not run.request.stream_tokens:
        return parts
    sent = isinstance(message.body, AssistantSaid) and sent_text(message.body)
    return [part for part in parts if sent and part.get("content") == sent]


def _wanted(run: Run, payloads: list[Json]) -> list[Json]:
    types = run.request.message_types
    return [item for item in payloads if types is None or item["message_type"] in types]


def _reply_message(run: Run, head: ReplyHead, reply: AssistantSaid) -> Message:
    return Message(
        id=head.message_id,
        conversation_id=run.conversation_id,
        agent_id=run.agent_id,
        body=reply,
        created_at=head.date,
        run_id=run.id,
        step_id=head.step_id,
    )


def _error_json(run_id: str, kind: str, message: str, detail: str) -> Json:
    return {
        "message_type": "error_message",
        "run_id": run_id,
        "error_type": kind,
        "message": message,
        "detail": detail,
    }


def _now() -> datetime:
    return datetime.now(UTC)
