"""What the Letta adapter is told: where the server is, and what its agents are like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field

from gateway.domain.people import Person
from gateway.errors import SettingsWrong

DEFAULT_PERSONA = (
    "I am a personal assistant in a chat. I remember what people tell me, answer plainly "
    "and briefly, and say so when I do not know something."
)


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """One block of an agent's core memory, as it is when the agent is made."""

    label: str
    value: str = ""
    """`{name}` and `{identities}` in it become the person's; a line without them is left out."""
    limit: int = 5000
    """In characters. Held to here: Letta 0.16.8 only shows it to the model."""
    description: str | None = None
    read_only: bool = False

    def __post_init__(self) -> None:
        """Refuse a block that is over its own limit before it reaches any agent."""
        if len(self.value) > self.limit:
            raise SettingsWrong(
                f'The block "{self.label}" has {len(self.value)} characters and its limit is '
                f"{self.limit}. Shorten it, or raise the limit."
            )

    def value_for(self, person: Person) -> str:
        """Return the value with what is known of the person in it, cut to the limit."""
        identities = ", ".join(identity.key for identity in person.identities)
        known = {"{name}": person.name, "{identities}": identities}
        lines = [_filled(line, known) for line in self.value.splitlines()]
        return "\n".join(line for line in lines if line is not None)[: self.limit]


def _filled(line: str, known: Mapping[str, str]) -> str | None:
    """Return the line with its words put in; None where one of them is not known."""
    for word, value in known.items():
        if word in line and not value:
            return None
        line = line.replace(word, value)
    return line


PERSONA, HUMAN = "persona", "human"
DEFAULT_HUMAN = "Their name is {name}.\nThey write from {identities}."
_DEFAULT_BLOCKS = (
    BlockSpec(PERSONA, DEFAULT_PERSONA, description="Who I am and how I behave."),
    BlockSpec(HUMAN, DEFAULT_HUMAN, description="What I know about my person."),
)


_ARCHIVAL_TOOLS = ("archival_memory_insert", "archival_memory_search")


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """What agents of one role are made of."""

    blocks: tuple[BlockSpec, ...] = _DEFAULT_BLOCKS
    """Persona is the template's for ever; the others are the agent's own once they are there."""
    shared_blocks: tuple[BlockSpec, ...] = ()
    """One of each for all agents of a person, made by whichever needs it first."""
    model: str | None = None
    """A handle such as `openai/gpt-4o-mini`; None for the one of `LettaOptions`."""
    system: str | None = None
    """Instructions in the place of Letta's own."""
    tools: tuple[str, ...] = ()
    """Names of tools on the server, beside those of the gateway."""
    has_base_tools: bool = True
    """Whether it may search its past, edit its own blocks, and put things away."""

    @property
    def given_tools(self) -> tuple[str, ...]:
        """Names of the server's tools that its agents are given one by one.

        Letta 0.16.8 counts those of archival memory to the base tools of no new kind of agent.
        """
        return (*self.tools, *_ARCHIVAL_TOOLS) if self.has_base_tools else self.tools

    @property
    def version(self) -> str:
        """Name the template by what it writes: the same settings, the same version."""
        persona = [astuple(block) for block in self.blocks if block.label == PERSONA]
        labels = [[block.label for block in each] for each in (self.blocks, self.shared_blocks)]
        written = json.dumps([persona, self.system, self.model, sorted(self.given_tools), labels])
        return hashlib.blake2b(written.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class LettaOptions:
    """Where Letta is, and how patient we are with it. Nothing here reads the environment."""

    base_url: str
    api_key: str = field(default="", repr=False)
    """Empty for a server without passwords."""
    model: str | None = None
    """Handle for new agents; None leaves the choice to the server."""
    embedding: str | None = None
    project: str | None = None
    """Letta Cloud's project."""
    tag_prefix: str = "postern"
    """Marks our agents; different for each deployment that shares one Letta account."""
    roles: dict[str, AgentSpec] = field(default_factory=dict[str, AgentSpec])
    """What the agents of each role are made of; a role without one gets the default."""
    connect_seconds: float = 5.0
    read_seconds: float = 60.0
    """How long a stream may be silent. Letta pings every 20 s: 60 s of nothing is a dead peer."""
    write_seconds: float = 30.0
    pool_seconds: float = 10.0
    max_connections: int = 1000
    """Every run that is listened to holds one."""
    busy_wait_seconds: float = 30.0
    """How long to wait for another run of the same thread, before giving the turn back."""
    reconnect_tries: int = 6
    """Broken connections in a row, without one new event between them, before giving up."""
    reconnect_first_seconds: float = 0.1
    """The wait before the first reconnect; it doubles, up to `reconnect_longest_seconds`."""
    reconnect_longest_seconds: float = 3.0
    silence_seconds: float = 45.0
    """A stream that only pings for this long is checked against the run's own record."""
    taken_seconds: float = 5.0
    """How long an App Server takes to show that it works on an input, if it does."""

    def spec_of(self, role: str) -> AgentSpec:
        """Return what agents of this role are made of."""
        return self.roles.get(role) or AgentSpec()
