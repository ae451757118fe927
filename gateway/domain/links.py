"""How two accounts become one person: a code shown on one and typed on the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.domain.ids import ConversationId, PersonId
from gateway.domain.people import AgentBinding, Identity

LINK_LIFE = timedelta(minutes=10)
"""How long a code can be typed, and how long wrong ones and offers are counted."""
MOST_OFFERS = 5
"""Codes that one account is shown in `LINK_LIFE`."""
MOST_TRIES = 5
"""Wrong codes that one account may type in `LINK_LIFE`."""


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """A code that was shown to an account, to be typed on another one."""

    identity: Identity
    """The account that it was shown to."""
    conversation: ConversationId
    """Where it was shown."""
    code_hash: str
    """Only the hash is kept."""
    asked_at: datetime

    @property
    def expires_at(self) -> datetime:
        """From when on it is good for nothing."""
        return self.asked_at + LINK_LIFE


@dataclass(frozen=True, slots=True)
class Linked:
    """Two accounts are one person now."""

    offer: LinkOffer
    person: PersonId
    """Whom both belong to: the person of the account that was shown the code."""
    resting: tuple[AgentBinding, ...]
    """The agents of the account that typed it. They are kept, and hear nothing until `/unlink`."""


class LinkRefused(StrEnum):
    """Why two accounts were not linked."""

    NO_SUCH_CODE = "no such code"
    """Never shown, used, expired, or replaced by a newer one."""
    SAME_ACCOUNT = "same account"
    """It was shown to the very account that typed it."""
    LINKED_ALREADY = "linked already"
    """Both are the same person."""
    HAS_OTHERS = "has others"
    """The account that typed it is linked to others, which would lose it."""
    TOO_MANY_TRIES = "too many tries"


class UnlinkRefused(StrEnum):
    """Why an account was not separated."""

    NOT_LINKED = "not linked"
    IS_FIRST = "is first"
    """The agents are those of this very account: the others have to go."""


@dataclass(frozen=True, slots=True)
class Unlinked:
    """An account is a person of its own again, with the agents that it had before."""

    person: PersonId
    left: PersonId
