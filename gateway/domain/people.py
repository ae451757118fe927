"""Who people are: platform identities, persons, and the agents that belong to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId, ConversationId, LaneId, PersonId

ZONE_NOTE = "zone"
"""The note about a person that holds the IANA name of their time zone."""


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

    @classmethod
    def parse(cls, key: str) -> Identity:
        """Read what somebody typed as an account's key; raises ValueError with a sentence."""
        parts = [part.strip() for part in key.split(":", 2)]
        is_known = parts[0] in ("discord", "slack", "web", "console")
        if not is_known or len(parts) != 3 or not all(parts):
            raise ValueError(
                f'"{key.strip()[:80]}" is no account; it reads platform:workspace:user, such as '
                '"slack:T024BE7LD:U2147483697".'
            )
        if parts[0] == "discord" and parts[1] != "discord":
            raise ValueError(
                f'"{key.strip()[:80]}" is no account: those of Discord are the same in all '
                f"servers, as discord:discord:{parts[2][:20]}."
            )
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Sender:
    """The account a message came from, with the name that it shows."""

    identity: Identity
    name: str
    """Display name: for people and prompts to read, never to match by."""
    circles: frozenset[str] | None = None
    """The keys of the circles that it is in, as far as its message tells; None where it does
    not. Not stored."""


@dataclass(frozen=True, slots=True)
class Person:
    """One human, whatever number of identities they have proved to be theirs."""

    id: PersonId
    name: str
    identities: tuple[Identity, ...] = ()
    """The accounts, where they were asked for."""


def person_id_of(identity: Identity) -> PersonId:
    """Return the id of the person whose first identity this is.

    It is derived, not drawn, so that two processes that meet a stranger at
    once, or one that crashes in between, make the same person.
    """
    digest = hashlib.blake2b(identity.key.encode(), digest_size=16).hexdigest()
    return PersonId(f"person-{digest}")


class Mode(StrEnum):
    """Whose an agent is."""

    PERSON = "person"
    """Each person has one of their own."""
    CHANNEL = "channel"
    """Each channel has one, with all its threads, shared by those who write there."""
    THREAD = "thread"
    """Each thread has one, shared by those who write there."""
    SHARED = "shared"
    """There is one for everybody."""


class Standing(StrEnum):
    """What the operator's rules make of an account in a place; bans are not told by it."""

    ADMITTED = "admitted"
    """What it writes there is heard."""
    STRANGER = "stranger"
    """It is answered with a pairing code, by which it can be let in."""
    UNLISTED = "unlisted"
    """Only the operator's settings could let it in."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which agent a message is for, and how long it may wait for more."""

    role: str
    """Name of the agent in the settings, `postern` by default."""
    mode: Mode = Mode.PERSON
    """Whose the agent is. One that many people share has a lane for each conversation."""
    quiet_seconds: float = 0.0
    """Wait until nothing more came for this long, so that a burst becomes one turn."""
    max_wait_seconds: float = 10.0
    """However much comes, the first message of a burst never waits longer than this."""
    beside: str = ""
    """The background errand that has a lane beside the one of a person's own agent."""

    def lane(self, person: PersonId, conversation: Conversation) -> LaneId:
        """Return the lane that keeps this agent's turns in order."""
        match self.mode:
            case Mode.PERSON if self.beside:
                return LaneId(f"{person}/{self.beside}/{self.role}")
            case Mode.PERSON:
                return LaneId(f"{person}/{self.role}")
            case Mode.SHARED:
                return LaneId(f"{conversation.id}/{self.role}")
            case Mode.CHANNEL | Mode.THREAD:
                return LaneId(f"{self.mode}/{conversation.id}/{self.role}")


def mode_of(lane: LaneId) -> Mode:
    """Return whose agent a lane is for, as `Route.lane` wrote it."""
    head = lane.partition("/")[0]
    if (mode := _OF_PLACES.get(head)) is not None:
        return mode
    return Mode.SHARED if ":" in head else Mode.PERSON


_OF_PLACES = {mode.value: mode for mode in (Mode.CHANNEL, Mode.THREAD)}
"""By how their lanes begin. Each claim asks for each lane."""


def beside_of(lane: LaneId) -> str:
    """Return the background errand that a lane is for; empty for all other lanes."""
    parts = lane.split("/")
    return parts[1] if len(parts) == 3 and mode_of(lane) is Mode.PERSON else ""


def thread_place(lane: LaneId, conversation: Conversation) -> Conversation:
    """Return the place by which the agent's thread for a turn of this lane is known.

    A background errand has a thread of its own, so that it meets no other turn in one.
    """
    errand = beside_of(lane)
    return Conversation("bg", conversation.platform, errand) if errand else conversation


EVERYONE = PersonId("person-" + "0" * 32)
"""Owns the agents that all people share."""


def lane_owner(lane: LaneId, person: PersonId, conversation: Conversation) -> PersonId:
    """Return whose agent answers in a lane: the person's, the place's, or everyone's."""
    match mode_of(lane):
        case Mode.PERSON:
            return person
        case Mode.SHARED:
            return EVERYONE
        case Mode.CHANNEL:
            return place_id_of(replace(conversation, thread=None))
        case Mode.THREAD:
            return place_id_of(conversation)


def place_id_of(place: Conversation) -> PersonId:
    """Return the id under which a channel or thread owns agents."""
    digest = hashlib.blake2b(place.id.encode(), digest_size=16).hexdigest()
    return PersonId(f"place-{digest}")


OWN_TEMPLATE = "own"
"""Of an agent that was adopted: it stays as it is until somebody rolls a template out to it."""


@dataclass(frozen=True, slots=True)
class AgentBinding:
    """A person's agent in one role. Without an id it is a persisted intent to make one."""

    person: PersonId
    role: str
    """The role; `#label` where the id is that of a block which all agents of the person share."""
    agent_id: AgentId | None
    intended_at: datetime
    template: str | None = None
    """The version of the template that the agent was last brought up to."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """A stranger's wish to talk to an agent, waiting for the operator's yes."""

    identity: Identity
    name: str
    code_hash: str
    """Only the hash is kept; the code itself was shown to the stranger once."""
    asked_at: datetime
    expires_at: datetime
    conversation: ConversationId | None = None
    """Where they are told the outcome; None where others read what they alone were shown."""


def pairing_json(pairing: Pairing) -> dict[str, object]:
    """Return what is told of somebody who waits."""
    return {
        "identity": pairing.identity.key,
        "name": pairing.name,
        "asked_at": pairing.asked_at.isoformat(),
        "expires_at": pairing.expires_at.isoformat(),
    }
