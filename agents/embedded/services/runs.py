"""Runs as tasks of the server: started, followed, cancelled, and taken up after a restart."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from agents.embedded.errors import Conflict, NotFound
from agents.embedded.records import Message, Run
from agents.embedded.services.turns import TurnInput, begin, clear_pending
from agents.embedded.steps.context import StepContext
from agents.embedded.steps.loop import StepLoop
from agents.embedded.steps.stream import RunStream, StreamEvent, unpack
from agents.embedded.steps.turn import ActiveTurn
from agents.embedded.store import messages, runs
from agents.embedded.store.database import Database
from agents.embedded.store.paging import Page
from agents.embedded.store.runs import RunFilter

log = logging.getLogger(__name__)

_CANCELLED = "The client cancelled this tool call."


class RunService:
    """Every turn of the server. Turns belong to the given TaskGroup, never to a request."""

    def __init__(self, database: Database, loop: StepLoop, tasks: asyncio.TaskGroup) -> None:
        self._database = database
        self._loop = loop
        self._tasks = tasks
        self._active: dict[str, ActiveTurn] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, turn_input: TurnInput) -> Run:
        """Begin a turn, stored before this returns; a repeated request gives its first run.

        Raises what `services.turns.begin` raises.
        """
        moment = _now()
        begun, foreseen = await self._database.write_then_read(
            lambda db: begin(db, turn_input, moment),
            lambda db, begun: self._loop.foresee(db, begun.run) if begun.is_new else None,
        )
        if begun.is_new:
            self._launch(begun.run, RunStream(begun.run.id, (), 0), foreseen)
        return begun.run

    async def take_up_unfinished(self) -> None:
        """Go on with the turns that the last life of the server left unfinished."""
        for run in await self._database.read(runs.unfinished):
            again = replace(run, generation=run.generation + 1)
            await self._database.write(lambda db, again=again: runs.save(db, again))
            kept = await self._kept_events(run.id)
            self._launch(again, RunStream(run.id, kept, again.generation))

    async def stream(self, run_id: str) -> RunStream:
        """The run's events from its beginning: live, or as they were."""
        turn = self._active.get(run_id)
        if turn is not None:
            return turn.stream
        run = await self.get(run_id)
        stream = RunStream(run.id, await self._kept_events(run_id), run.generation)
        stream.close(finished=not run.is_active)
        return stream

    async def wait(self, run_id: str) -> Run:
        """The run once it has ended."""
        turn = self._active.get(run_id)
        if turn is not None:
            await turn.ended.wait()
        return await self.get(run_id)

    async def get(self, run_id: str) -> Run:
        """One run; raises NotFound."""
        run = await self._database.read(lambda db: runs.get(db, run_id))
        if run is None:
            raise NotFound(f"Run with ID {run_id} not found")
        return run

    async def of_otid(self, otid: str) -> Run:
        """The run that a message with this threading id began; raises NotFound."""
        run = await self._database.read(lambda db: runs.of_otid(db, otid))
        if run is None:
            raise NotFound(f"No run found for otid={otid}.")
        return run

    async def list_page(self, wanted: RunFilter, page: Page) -> list[Run]:
        """A page of runs."""
        return await self._database.read(lambda db: runs.list_page(db, wanted, page))

    async def messages(self, run_id: str, page: Page) -> list[Message]:
        """A page of one run's messages, its input included; raises NotFound."""
        await self.get(run_id)
        return await self._database.read(lambda db: messages.of_run(db, run_id, page))

    async def cancel(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Stop these runs; returns when they have stopped, with what became of each."""
        turns = [self._active[run_id] for run_id in run_ids if run_id in self._active]
        for turn in turns:
            turn.cancel()
        for turn in turns:
            await turn.ended.wait()
        return {run_id: (await self.get(run_id)).status for run_id in run_ids}

    async def cancel_conversation(self, conversation_id: str) -> dict[str, str]:
        """Stop what runs in a conversation, and answer tool calls that wait there.

        Letta 0.16.8 leaves a waiting call stuck here; raises Conflict when there is nothing.
        """
        outcome = await self.cancel(await self.active_in(conversation_id))
        outcome |= await self.clear_pending(conversation_id)
        if not outcome:
            raise Conflict("CONFLICT: No active runs to cancel")
        return outcome

    async def clear_pending(self, conversation_id: str) -> dict[str, str]:
        """Answer tool calls that wait with an error; gives the run that asked, if any waited."""
        run_id = await self._database.write(
            lambda db: clear_pending(db, conversation_id, _CANCELLED, _now())
        )
        return {run_id: "cancelled"} if run_id else {}

    async def active_in(self, conversation_id: str) -> list[str]:
        """The id of the run that holds a conversation, if one does."""
        active = await self._database.read(lambda db: runs.active_in(db, conversation_id))
        return [active.id] if active else []

    async def stop_agent(self, agent_id: str) -> None:
        """Stop whatever an agent is doing."""
        running = [run_id for run_id, turn in self._active.items() if turn.run.agent_id == agent_id]
        await self.cancel(running)

    def interrupt(self) -> None:
        """Stop every turn where it is: the next start of the server goes on with it."""
        for turn in self._active.values():
            turn.stream.close(finished=False)
        for task in self._running:
            task.cancel()

    def _launch(self, run: Run, stream: RunStream, foreseen: StepContext | None = None) -> None:
        turn = ActiveTurn(run, stream, foreseen)
        self._active[run.id] = turn
        task = self._tasks.create_task(self._carry_out(turn), name=run.id)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _carry_out(self, turn: ActiveTurn) -> None:
        try:
            await self._loop.run(turn)
        except Exception:  # one turn that cannot be stored must not end the others
            log.exception("turn_not_stored", extra={"run": turn.run.id})
        finally:
            turn.stream.close(finished=not turn.run.is_active)
            turn.ended.set()
            self._active.pop(turn.run.id, None)

    async def _kept_events(self, run_id: str) -> list[StreamEvent]:
        chunks = await self._database.read(lambda db: runs.events_of(db, run_id))
        return [event for chunk in chunks for event in unpack(chunk)]


def _now() -> str:
    return datetime.now(UTC).isoformat()
