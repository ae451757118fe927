"""What the operator's rules say of an account in a place, before anybody is asked. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.domain.conversations import Conversation
from gateway.domain.people import Identity
from gateway.domain.places import PlacePolicy, PlaceRules


class AccessMode(StrEnum):
    """What happens to a sender who is on no list."""

    OPEN = "open"
    ALLOWLIST = "allowlist"
    PAIRING = "pairing"


class Way(StrEnum):
    """What lets an account in, or still could."""

    SHUT = "Nobody is heard there: its policy is disabled."
    LISTED = "The account may talk there: access.allow lists it."
    OPEN = "Everybody may talk there: access is open on this platform."
    PLACE = "Everybody who writes there may talk: access.places has it."
    CODE = "Whom a pairing code let in may talk there, and who is in a circle of access.allow."
    LIST = "Only those may talk there whom access.allow lists, by themselves or by a circle."


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The operator's rules. A platform that is not named lets nobody in but the listed."""

    modes: Mapping[str, AccessMode]
    allowed: frozenset[str] = frozenset()
    """Accounts (`platform:workspace:user`) and circles that may always talk."""
    places: frozenset[str] = frozenset()
    """Where everybody who writes may talk: `platform:workspace` or `platform:workspace:channel`."""
    pairs_for_channels: bool = True
    """Whether who was let in by a code may talk in channels too, not in direct messages alone."""
    rules: PlaceRules = field(default_factory=PlaceRules)
    """What is heard where."""

    def way(self, identity: Identity, door: str, place: Conversation | None) -> Way:
        """Return what lets the account in there, or could; None is no place at all."""
        policy = PlacePolicy.MENTION if place is None else self.rules.of(place)
        if policy is PlacePolicy.DISABLED:
            return Way.SHUT
        if identity.key in self.allowed:
            return Way.LISTED
        if policy is PlacePolicy.ALLOWLIST:
            return Way.LIST
        if self.mode(door) is AccessMode.OPEN:
            return Way.OPEN
        if place is not None and self._covers(place):
            return Way.PLACE
        counts = self.pairs_for_channels or place is None or place.is_direct
        return Way.CODE if counts and self.mode(door) is AccessMode.PAIRING else Way.LIST

    def lists_one_of(self, circles: Collection[str]) -> bool:
        """Whether one of these circles may talk, wherever anybody may."""
        return not self.allowed.isdisjoint(circles)

    def mode(self, door: str) -> AccessMode:
        """Return what happens to strangers at a door."""
        return self.modes.get(door, AccessMode.ALLOWLIST)

    def _covers(self, place: Conversation) -> bool:
        """Whether everybody who writes in this place may talk there; never in direct messages."""
        workspace = f"{place.platform}:{place.workspace}"
        is_named = workspace in self.places or f"{workspace}:{place.channel}" in self.places
        return is_named and not place.is_direct
