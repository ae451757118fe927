"""Who people are: platform identities, persons, and the agents that belong to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, LaneId, PersonId


@dataclass(frozen=True, slots=True)
class Identity:
    """One account on one platform. Linked to a person by proof, never by name."""

    platform: str
    workspace: str
    """Slack user ids are unique per workspace only; Discord uses `discord` for all."""
    user: str

    @property
    def key(self) -> str:
        """One string for tags and logs: `platform:workspace:user`."""
        return f"{self.platform}:{self.workspace}:{self.user}"


@dataclass(frozen=True, slots=True)
class Sender:
    """The account a message came from, with the name that it shows."""

    identity: Identity
    name: str
    """Display name: for people and prompts to read, never to match by."""


@dataclass(frozen=True, slots=True)
class Person:
    """One human, whatever number of identities they have proved to be theirs."""

    id: PersonId
    name: str


def person_id_of(identity: Identity) -> PersonId:
    """Return the id of the person whose first identity this is.

    It is derived, not drawn, so that two processes that meet a stranger at
    once, or one that crashes in between, make the same person.
    """
    digest = hashlib.blake2b(identity.key.encode(), digest_size=16).hexdigest()
    return PersonId(f"person-{digest}")


@dataclass(frozen=True, slots=True)
class Route:
    """Which agent a message is for, and how long it may wait for more."""

    role: str
    """Name of the agent in the settings, `postern` by default."""
    is_shared: bool = False
    """True for an agent that many people share: then each conversation is a lane."""
    quiet_seconds: float = 0.0
    """Wait until nothing more came for this long, so that a burst becomes one turn."""
    max_wait_seconds: float = 10.0
    """However much comes, the first message of a burst never waits longer than this."""

    def lane(self, person: PersonId, conversation: Conversation) -> LaneId:
        """Return the lane that keeps this agent's turns in order."""
        return LaneId(f"{conversation.id if self.is_shared else person}/{self.role}")


@dataclass(frozen=True, slots=True)
class AgentBinding:
    """A person's agent in one role. Without an id it is a persisted intent to make one."""

    person: PersonId
    role: str
    agent_id: AgentId | None
    intended_at: datetime


@dataclass(frozen=True, slots=True)
class Pairing:
    """A stranger's wish to talk to an agent, waiting for the operator's yes."""

    identity: Identity
    name: str
    code_hash: str
    """Only the hash is kept; the code itself was shown to the stranger once."""
    asked_at: datetime
    expires_at: datetime
