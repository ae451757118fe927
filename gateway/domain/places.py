"""What is heard in a channel: the operator's rules about places, and which of them decides. Pure.

Direct messages and the web page are no places: whoever may talk is always heard there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.conversations import Conversation

EVERYWHERE = "*"
LISTENED = 20
"""Messages that an agent is quoted where it listens, unless `turns.quoted_messages` says more."""


class PlacePolicy(StrEnum):
    """What is heard in a place, of those who may talk there."""

    OPEN = "open"
    """Everything; nobody has to mention the bot."""
    LISTEN = "listen"
    """As MENTION; and who speaks to an agent has it quoted what others said there before."""
    MENTION = "mention"
    """What mentions the bot or replies to it, and all in threads in which it takes part."""
    ALLOWLIST = "allowlist"
    """As MENTION, but of the listed alone, whatever else lets people in."""
    DISABLED = "disabled"
    """Nothing."""


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """Policies by place: `platform:workspace:channel:thread`, a beginning of that, or `*`.

    The most specific one decides: a thread's before its channel's, and so on up to `*`.
    """

    policies: Mapping[str, PlacePolicy] = field(default_factory=dict[str, PlacePolicy])

    def deciding(self, place: Conversation) -> str | None:
        """Return the place whose policy decides; None where none does."""
        if place.is_direct:
            return None
        parts = place.id.split(":")
        ways_up = (":".join(parts[:count]) for count in range(len(parts), 0, -1))
        return next((key for key in (*ways_up, EVERYWHERE) if key in self.policies), None)

    def of(self, place: Conversation) -> PlacePolicy:
        """Return the policy of a place."""
        key = self.deciding(place)
        return PlacePolicy.MENTION if key is None else self.policies[key]

    def is_open(self, place: Conversation) -> bool:
        """Whether everything that is written there is said to an agent."""
        return self.of(place) is PlacePolicy.OPEN
