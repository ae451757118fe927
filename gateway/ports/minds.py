"""Where agents think, and how they are made and found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.ids import (
    AgentId,
    BlockId,
    PersonId,
    SessionId,
)
from gateway.domain.people import Person
from gateway.domain.turns import (
    RunRequest,
    Session,
    Turn,
    TurnEvent,
)
from gateway.ports.health import Health


class AgentRuntime(Protocol):
    """Where agents think."""

    def run(self, request: RunRequest) -> AsyncIterator[TurnEvent]:
        """Start the round, or re-attach to it, and yield all its events from the beginning.

        Calling it again with the same `otid` never starts a second run: the
        events of the first come again. Raises RuntimeUnavailable (call again
        later), RunFailed (the run is over) or Fenced.
        """
        ...

    async def cancel(self, request: RunRequest) -> None:
        """Stop the round; a wedged approval is answered, so that the session is usable."""
        ...

    async def health(self) -> Health:
        """Ask the runtime's server whether it serves."""
        ...


class AgentModels(Protocol):
    """The language models of agents, where they live."""

    async def own(self, agent: AgentId) -> str | None:
        """Return the handle of the model that the agent thinks with unless told otherwise.

        None where it goes by no handle, as with agents that were made by others. Raises
        RuntimeUnavailable, and RunFailed when there is no such agent.
        """
        ...


class AgentHost(Protocol):
    """Where agents are made and found. Only a look-up that succeeded may say "none"."""

    async def find_agent(self, person: Person, role: str) -> AgentId | None:
        """Return the person's agent; None only when the host surely has none.

        Raises RuntimeUnavailable for anything that leaves it open.
        """
        ...

    async def create_agent(self, person: Person, role: str) -> AgentId:
        """Make the agent. Called under a stored intent, after a look-up that found none."""
        ...

    async def find_session(self, agent: AgentId, conversation: Conversation) -> SessionId | None:
        """Return the agent's thread for this conversation; None when it surely has none."""
        ...

    async def create_session(self, agent: AgentId, conversation: Conversation) -> SessionId:
        """Make the thread."""
        ...


class Briefing(Protocol):
    """What a wakeup is told beside its prompt."""

    async def brief(self, turn: Turn) -> Turn | None:
        """Return the turn with what its data sources hold that is new; None to call it off.

        The same turn is told the same again, however often it is asked. Never
        raises for a source that can not be read: the agent is told.
        """
        ...


class AgentTemplates(Protocol):
    """What the agents of each role are made of, and how live ones are brought up to it.

    Every method that calls the host may raise RuntimeUnavailable, and then says nothing.
    """

    def version(self, role: str) -> str:
        """Return the version of the role's template."""
        ...

    def shared_labels(self, role: str) -> tuple[str, ...]:
        """Return the labels of the blocks that a person's agents share."""
        ...

    async def find_block(self, person: Person, label: str) -> BlockId | None:
        """Return the person's shared block; None only when the host surely has none."""
        ...

    async def create_block(self, person: Person, label: str) -> BlockId:
        """Make it. Called under a stored intent, after a look-up that found none."""
        ...

    async def drift(
        self, person: Person, role: str, agent: AgentId, shared: Mapping[str, BlockId]
    ) -> tuple[str, ...] | None:
        """Say in sentences how the agent differs; None when the host has no such agent.

        Raises BadInput where it is another person's.
        """
        ...

    async def roll_out(
        self, person: Person, role: str, agent: AgentId, shared: Mapping[str, BlockId]
    ) -> tuple[str, ...]:
        """Mend what differs, and nothing else; returns what it was. Doing it again does no harm."""
        ...

    async def claim(self, person: Person, role: str, agent: AgentId) -> None:
        """Mark an agent as the person's; raises BadInput for none, and for another person's."""
        ...


class Constellation(Protocol):
    """Every person's own agents."""

    async def session_for(self, turn: Turn) -> Session:
        """Return where this turn runs, making agent and thread on first contact.

        One creation per person and role, whatever happens at once or crashes in
        between. Raises RuntimeUnavailable when the host can not be asked.
        """
        ...

    async def agent_of(self, owner: PersonId, role: str) -> AgentId | None:
        """Return the owner's agent in this role, without making one; None before first contact."""
        ...

    def forget(self, owner: PersonId, role: str) -> None:
        """Ask the store again which agent is the owner's; other processes do within a minute."""
        ...

    async def renew_thread(
        self, agent: AgentId, conversation: Conversation, begun_by: str
    ) -> SessionId:
        """Begin a new thread of the agent's in this conversation; its memory stays.

        Turns from now on run there; one that runs goes on in the old thread.
        Other processes follow within seconds. `begun_by` is the key of the message
        that began it: the same again leaves one. Raises RuntimeUnavailable.
        """
        ...

    async def resume_thread(
        self, agent: AgentId, conversation: Conversation, thread: SessionId, begun_by: str
    ) -> None:
        """Go back to an earlier thread of the agent's in this conversation, as `renew_thread`."""
        ...
