"""Agents that follow a script: a runtime, host and constellation for tests, demos and drills.

It behaves as a real runtime does towards the gateway: a run goes on when nobody listens, the
same otid is the same run, a thread has one run at a time. It runs on any event loop, real or
virtual, needs no task of its own, and remembers what it heard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from enum import StrEnum

from agents.script import (
    Ask,
    Cost,
    Drop,
    Fail,
    Say,
    Script,
    ScriptedRun,
    Step,
    Think,
    Until,
    Use,
    Wait,
    echo,
    is_end,
    timeline,
)
from agents.scripted_archive import ScriptedArchive
from agents.scripted_files import ScriptedFiles
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, ConversationId, PersonId, RunId, SessionId
from gateway.domain.memory import MemoryBlock
from gateway.domain.people import Person, lane_owner, thread_place
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import (
    InputMessage,
    RunEnded,
    RunRequest,
    Session,
    Turn,
    TurnEvent,
)
from gateway.errors import RunFailed, RuntimeUnavailable
from gateway.ports import Health

__all__ = [
    "Ask",
    "Cost",
    "Drop",
    "Fail",
    "HostFault",
    "Say",
    "Script",
    "ScriptedAgents",
    "Step",
    "Think",
    "Until",
    "Use",
    "Wait",
    "echo",
]


OWN_MODEL = "script/lines"
"""What scripted agents think with."""


class HostFault(StrEnum):
    """What goes wrong with one call to the host."""

    NONE = "none"
    LOST_REQUEST = "lost request"
    """It never happened."""
    LOST_ANSWER = "lost answer"
    """It happened, and the caller can not know."""


# -- the agents ----------------------------------------------------------------------------------


class ScriptedAgents:
    """Implements `AgentRuntime`, `AgentHost` and `Constellation` over one memory.

    Give it scripts with `will`, one for each run to come; without one the agent
    follows `script`, which echoes. Rounds that answer tools take scripts too.
    """

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.heard: list[list[str]] = []
        """What people said, one list for each run that was started with it."""
        self.returned: list[list[ToolResult]] = []
        """What tools returned, one list for each round that resumed a run."""
        self.overlaps: list[SessionId] = []
        """Threads where a round was asked for while another run was under way: a broken lane."""
        self.abandoned: list[ToolCall] = []
        """Calls that were never answered, because something else was said."""
        self.created: list[tuple[PersonId, str, AgentId]] = []
        """Every agent that was ever made."""
        self.threads: list[tuple[AgentId, ConversationId, SessionId]] = []
        """Every thread that was ever made."""
        self.memory: dict[AgentId, dict[str, MemoryBlock]] = {}
        """The core memory of agents, by label."""
        self.asked: list[RunRequest] = []
        """The request of each run that was started, first rounds and those that answer tools."""
        self.host_faults: deque[HostFault] = deque()
        """What happens to the next calls to the host, oldest first."""
        self.host_delay_seconds = 0.0
        self.is_down = False
        self.refusals = 0
        """How many of the next rounds are turned away before anything of them is heard."""
        self._agents_of: dict[tuple[PersonId, str], list[AgentId]] = {}
        self._threads_of: dict[tuple[AgentId, ConversationId], SessionId] = {}
        """The newest of each."""
        self._scripts: deque[Script] = deque()
        self._runs: dict[RunId, ScriptedRun] = {}
        self._by_otid: dict[str, ScriptedRun] = {}
        self._latest: dict[SessionId, ScriptedRun] = {}
        self._gone: set[AgentId] = set()
        self._deleted: set[AgentId] = set()
        """Those that are gone for everybody to see."""
        self._stir = asyncio.Event()
        self.archive = ScriptedArchive(self._check_agent)
        self.files = ScriptedFiles(self._check_agent)

    # -- how tests steer it
    @property
    def runs_started(self) -> int:
        """How many runs there ever were; a replay is none."""
        return len(self._runs)

    def will(self, *steps: Step) -> None:
        """Do this in the next run that has no script yet."""
        self._scripts.append(lambda _: steps)

    def will_say(self, text: str, *, after: float = 0.0, pause: float = 0.0) -> None:
        """Say this in the next run, `after` seconds from its start."""
        self.will(Wait(after), Say(text, pause_seconds=pause))

    def go_down(self) -> None:
        """Break every stream and refuse every call; runs go on behind the closed door."""
        self.is_down = True
        self._wake()

    def come_back(self) -> None:
        """Serve again."""
        self.is_down = False

    def lose_agent(self, agent: AgentId) -> None:
        """Delete the agent behind the gateway's back."""
        self._gone.add(agent)

    # -- AgentRuntime

    async def run(self, request: RunRequest) -> AsyncIterator[TurnEvent]:
        """Start the round, or re-attach to it, and yield all its events from the beginning."""
        self._check_serving()
        run = self._find_run(request) or self._start(request)
        position = 0
        while position < len(run.timeline):
            due, event = run.timeline[position]
            is_reached = await self._reaches(due)
            self._check_serving()
            if not is_reached:
                continue
            if isinstance(event, Drop):
                del run.timeline[position]
                raise RuntimeUnavailable(f'The stream of run "{run.id}" broke.')
            if isinstance(event, Fail):
                raise RunFailed(event.message, kind=event.kind)
            if isinstance(event, Until):
                await event.come.wait()
            else:
                yield event
            position += 1

    async def cancel(self, request: RunRequest) -> None:
        """Stop the round now; calls it waits for are no longer waited for."""
        self._check_serving()
        run = self._find_run(request)
        if run is None:
            return
        now = _loop_time()
        if run.pending or run.ends_at > now:
            kept = [entry for entry in run.timeline if entry[0] <= now and not is_end(entry[1])]
            run.timeline = [*kept, (now, RunEnded("cancelled"))]
            self._wake()

    async def health(self) -> Health:
        """Say whether it serves."""
        sentence = "The agents are down." if self.is_down else "The agents serve."
        return Health(is_ready=not self.is_down, sentence=sentence)

    def _find_run(self, request: RunRequest) -> ScriptedRun | None:
        known = self._runs.get(request.run) if request.run else None
        return known or self._by_otid.get(request.otid)

    def _start(self, request: RunRequest) -> ScriptedRun:
        if self.refusals:
            self.refusals -= 1
            raise RuntimeUnavailable("The agents are too busy.", retry_after_seconds=1.0)
        if request.session.agent in self._gone:
            raise RunFailed("Your agent can not be found.", kind="not_found")
        self._take_thread(request)
        run = ScriptedRun(RunId(f"run-{len(self._runs) + 1}"), request, _loop_time())
        script = self._scripts.popleft() if self._scripts else self.script
        run.timeline = list(timeline(run.id, run.started_at, script(request)))
        self._hear(request)
        self.asked.append(request)
        self._runs[run.id] = self._by_otid[request.otid] = run
        self._latest[request.session.thread] = run
        return run

    def _take_thread(self, request: RunRequest) -> None:
        """Hold the round to the rules of a thread: one run at a time, all calls answered."""
        thread = request.session.thread
        latest = self._latest.get(thread)
        if latest and latest.ends_at > _loop_time():
            self.overlaps.append(thread)
            raise RuntimeUnavailable(f'"{thread}" is busy with run "{latest.id}".')
        waiting = {call.id for call in latest.pending} if latest else set[str]()
        answered = {item.call_id for item in request.input if isinstance(item, ToolResult)}
        if answered and answered != waiting:
            raise RunFailed("Other tool results were expected.", kind="invalid_tool_results")
        if latest and not answered:
            self.abandoned.extend(latest.pending)

    def _hear(self, request: RunRequest) -> None:
        texts = [item.text for item in request.input if isinstance(item, InputMessage)]
        results = [item for item in request.input if isinstance(item, ToolResult)]
        if results:
            self.returned.append(results)
        else:
            self.heard.append(texts)

    async def _reaches(self, due: float) -> bool:
        """Wait for the moment; False when something changed meanwhile and all is to be reread."""
        if due <= _loop_time():
            return True
        try:
            async with asyncio.timeout_at(due):
                await self._stir.wait()
        except TimeoutError:
            return True
        return False

    def _wake(self) -> None:
        self._stir.set()
        self._stir = asyncio.Event()

    def _check_agent(self, agent: AgentId) -> None:
        self._check_serving()
        if agent in self._gone:
            raise RunFailed("Your agent can not be found.", kind="not_found")

    def _check_serving(self) -> None:
        if self.is_down:
            raise RuntimeUnavailable("The agents are down.", retry_after_seconds=1.0)

    # -- AgentHost

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        """Return the person's oldest agent in this role."""
        async with _HostCall(self):
            return self._agent_of(person.id, role)

    async def create_agent(self, person: Person, role: str) -> AgentId:
        """Make an agent; a second one when asked twice, as a real host does."""
        async with _HostCall(self):
            return self._make(person.id, role)

    def _make(self, person: PersonId, role: str) -> AgentId:
        agent = AgentId(f"agent-{len(self.created) + 1}")
        self.created.append((person, role, agent))
        self._agents_of.setdefault((person, role), []).append(agent)
        return agent

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        """Return the agent's newest thread for this conversation."""
        async with _HostCall(self):
            return self._threads_of.get((agent, conversation.id))

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        """Make the thread."""
        async with _HostCall(self):
            session = SessionId(f"thread-{len(self.threads) + 1}")
            self.threads.append((agent, conversation.id, session))
            self._threads_of[agent, conversation.id] = session
        return session

    # -- AgentMemory

    async def blocks(self, agent: AgentId) -> list[MemoryBlock]:
        """Return the agent's blocks, by label."""
        self._check_agent(agent)
        return sorted(self.memory.get(agent, {}).values(), key=lambda block: block.label)

    async def write(self, agent: AgentId, label: str, value: str, *, was: str) -> bool:
        """Replace a block's value if it is still `was`."""
        async with _HostCall(self):
            block = self.memory[agent][label]
            if block.value != was:
                return False
            self.memory[agent][label] = replace(block, value=value)
        return True

    async def delete(self, agent: AgentId) -> None:
        """Delete the agent with all that it remembers."""
        self._check_serving()
        self._gone.add(agent)
        self._deleted.add(agent)
        self.memory.pop(agent, None)
        self.archive.delete(agent)
        self.files.kept.pop(agent, None)

    # -- AgentModels

    async def own(self, agent: AgentId) -> str:
        """Return the model of them all."""
        self._check_serving()
        if agent in self._gone:
            raise RunFailed("Your agent can not be found.", kind="not_found")
        return OWN_MODEL

    # -- Constellation

    async def agent_of(self, owner: PersonId, role: str) -> AgentId | None:
        """Return the owner's agent in this role, without making one."""
        return self._agent_of(owner, role)

    def _agent_of(self, owner: PersonId, role: str) -> AgentId | None:
        made = self._agents_of.get((owner, role), ())
        return next((agent for agent in made if agent not in self._deleted), None)

    def forget(self, owner: PersonId, role: str) -> None:
        """Keep nothing in mind, so there is nothing to ask again."""

    async def renew_thread(
        self, agent: AgentId, conversation: Conversation, begun_by: str
    ) -> SessionId:
        """Begin a new thread of the agent's in this conversation."""
        return await self.create_session(agent, conversation)

    async def resume_thread(
        self, agent: AgentId, conversation: Conversation, thread: SessionId, begun_by: str
    ) -> None:
        """Go back to an earlier thread of the agent's in this conversation."""
        self._threads_of[agent, conversation.id] = thread

    async def session_for(self, turn: Turn) -> Session:
        """Return a session of the person's own agent, made at once when it is new."""
        person = Person(lane_owner(turn.ref.lane, turn.person, turn.conversation), name="")
        agent = await self.find_agent(person, turn.role)
        agent = agent or await self.create_agent(person, turn.role)
        place = thread_place(turn.ref.lane, turn.conversation)
        thread = await self.find_session(agent, place) or await self.create_session(agent, place)
        return Session(agent, thread)


class _HostCall:
    """One call to the host: it may come late, get lost on the way, or lose its answer."""

    def __init__(self, agents: ScriptedAgents) -> None:
        self._agents = agents
        self._fault = HostFault.NONE

    async def __aenter__(self) -> None:
        faults = self._agents.host_faults
        self._fault = faults.popleft() if faults else HostFault.NONE
        await asyncio.sleep(self._agents.host_delay_seconds)
        if self._agents.is_down or self._fault is HostFault.LOST_REQUEST:
            raise RuntimeUnavailable("The agents' host did not answer.")

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(self._agents.host_delay_seconds)
        if self._fault is HostFault.LOST_ANSWER:
            raise RuntimeUnavailable("The answer of the agents' host was lost.")


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
