"""What a command is: what platforms show of it, what it is told, and what it can reach."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gateway.approvals import Approvals
from gateway.background import Background
from gateway.budgets import Budgets
from gateway.domain.artifacts import Attachment
from gateway.domain.commands import CommandSpec, Tier
from gateway.domain.errands import Errand
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Route, lane_owner
from gateway.domain.routing import Routing
from gateway.domain.turns import Turn
from gateway.models import Models
from gateway.pauses import Pauses
from gateway.ports import (
    AgentArchive,
    AgentFiles,
    AgentMemory,
    AgentModels,
    AgentRuntime,
    ArtifactStore,
    Clock,
    Constellation,
    PersonalSchedules,
    Store,
)
from gateway.queue_modes import QueueModes
from gateway.renewals import Renewals
from gateway.rights.circles import Circles

ELSEWHERE = "This is between you and me: ask me in a direct message."
"""What a command answers that tells a person's own affairs, where others would read them."""

NOT_YOURS = {
    Tier.ADMIN: "Only an admin can do that. The operator names admins in `access.admins`.",
    Tier.RULER: "Only an admin can do that where others read too. The operator names admins in "
    "`access.admins`.",
}
"""What a command answers who may not use it."""
UNREACHABLE = "The server of your agent can not be reached right now. Ask again in a moment."
"""What a command answers that needs it: others of its person would wait behind its retries."""


REFUSED = "Sorry, I could not do this: {reason}"
"""What is told of a command that can not be carried out; others of its turn are answered."""


def first_word(words: str) -> tuple[str, str]:
    """Return the first word, and what follows it; each is empty where there is none. Pure."""
    first, *rest = words.split(maxsplit=1) or [""]
    return first, rest[0].strip() if rest else ""


class RunningErrands(Protocol):
    """Whoever knows what agents ask each other."""

    async def open_of(self, person: PersonId) -> Sequence[Errand]:
        """List what is asked for the person and is not answered yet."""
        ...

    async def cancel(self, person: PersonId) -> Sequence[Errand]:
        """End all of that; returns what it was."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What commands can reach."""

    store: Store
    runtime: AgentRuntime
    routes: Mapping[str, Route]
    """The agents that there are, the default one first."""
    clock: Clock
    constellation: Constellation
    approvals: Approvals
    pauses: Pauses
    background: Background
    queues: QueueModes
    admins: Collection[str] = ()
    """Who may pause channels, and ban people, as identity keys."""
    memory: AgentMemory | None = None
    """None where agents keep no memory that could be shown."""
    wakeups: PersonalSchedules | None = None
    """None where nothing can be scheduled."""
    artifacts: ArtifactStore | None = None
    """Where the files are that people sent; None where none are taken in."""
    budgets: Budgets | None = None
    """None where nothing is limited."""
    errands: RunningErrands | None = None
    """None where agents can ask nobody."""
    models: Models | None = None
    """None where agents think with their own models alone."""
    own_models: AgentModels | None = None
    """None where nobody can tell which these are."""
    archive: AgentArchive | None = None
    """None where agents have no archival memory that could be looked through."""
    files: AgentFiles | None = None
    """None where agents look nothing up in files."""
    circles: Circles = field(default_factory=Circles)
    renewals: Renewals | None = None
    """None where no conversation begins anew by itself."""

    async def agent_of(self, asked: Asked) -> AgentId | None:
        """Return the agent that answers who asks, here; None before the first contact."""
        route = self.route_of(asked)
        lane = route.lane(asked.person, asked.turn.conversation)
        owner = lane_owner(lane, asked.person, asked.turn.conversation)
        return await self.constellation.agent_of(owner, route.role)

    def route_of(self, asked: Asked) -> Route:
        """Return how a message of who asks would reach an agent here."""
        sender, place = asked.message.sender, asked.turn.conversation
        routing = Routing.of(self.routes)
        return routing.decide(place, sender.identity, asked.role, sender.circles or ()).route


@dataclass(frozen=True, slots=True)
class Asked:
    """One command as somebody gave it."""

    turn: Turn
    message: InboundMessage
    """With the circles of who gave it, none where nobody can tell."""
    person: PersonId
    """Who asks. In a channel, commands of several people may share a turn."""
    arguments: str
    """What stands behind the command's name, trimmed."""
    role: str | None = None
    """The agent that who asks has chosen here; None for the usual one."""

    @property
    def is_private(self) -> bool:
        """Whether nobody but who asks will see the answer."""
        return self.message.is_private or self.message.conversation.is_direct


@dataclass(frozen=True, slots=True)
class Told:
    """What a command answers, with the files that go with it."""

    text: str
    files: tuple[Attachment, ...] = ()


CarryOut = Callable[[Asked, Reach], Awaitable[str | Told]]
"""Does what is asked and returns what its person is told. A repeat after a crash does no harm.

What it raises as RuntimeUnavailable is told as UNREACHABLE, and what as Refused as that.
"""


def may_use(spec: CommandSpec, asked: Asked, reach: Reach) -> bool:
    """Whether a command is for who asks, here."""
    account = asked.message.sender.identity
    match spec.tier:
        case Tier.EVERYBODY:
            return True
        case Tier.RULER:
            return may_rule(asked, reach)
        case Tier.APPROVER:
            return reach.approvals.may_approve(account)
        case Tier.ADMIN:
            return account.key in reach.admins


def may_rule(asked: Asked, reach: Reach) -> bool:
    """Whether who asks decides here: in a direct conversation both do, elsewhere admins."""
    is_admin = asked.message.sender.identity.key in reach.admins
    return is_admin or asked.turn.conversation.is_direct


@dataclass(frozen=True, slots=True)
class Command:
    """One command: how platforms show it, and what it does."""

    spec: CommandSpec
    carry_out: CarryOut
    is_persistent: bool = False
    """Whether it is tried again until the agents' server can be reached."""
