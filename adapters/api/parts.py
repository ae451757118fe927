"""What the admin API asks of the rest of the gateway; bootstrap hands it in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.conversations import Conversation
from gateway.domain.ids import DeliveryId
from gateway.domain.people import Pairing
from gateway.domain.schedules import NewSchedule, PastSlot, Schedule, ScheduleReport
from gateway.domain.trails import Trail
from gateway.ports import DeliveryStore, FireStore


class Posted(Protocol):
    """A post that the store has."""

    @property
    def id(self) -> str:
        """The name of the whole."""
        ...

    @property
    def conversation(self) -> Conversation:
        """Where it goes."""
        ...

    @property
    def deliveries(self) -> Sequence[DeliveryId]:
        """Its messages, in order."""
        ...

    @property
    def is_new(self) -> bool:
        """False when it was posted before under the same key."""
        ...


class Posts(Protocol):
    """Whoever stores posts."""

    async def post(self, readable: str, text: str, key: str | None = None) -> Posted:
        """Store a text for a conversation, once for each key. Raises BadInput."""
        ...


class Broadcasts(Protocol):
    """Whoever posts to all."""

    async def post(self, text: str, key: str, platform: str | None = None) -> int:
        """Store a text for all who want it, once for each key; returns how many are new."""
        ...


class Schedules(Protocol):
    """Whoever makes and changes schedules. Everything that is refused is a BadInput."""

    async def add(self, wish: NewSchedule) -> Schedule:
        """Make a schedule under its name."""
        ...

    async def page(self, after: str, limit: int) -> list[Schedule]:
        """List the next ones by id, after this one."""
        ...

    async def find(self, name: str) -> Schedule:
        """Return the schedule of this name or id."""
        ...

    def report(self, schedule: Schedule) -> ScheduleReport:
        """Say how it was understood and when it fires next."""
        ...

    async def past(self, schedule: Schedule, limit: int = 5) -> list[PastSlot]:
        """Return its newest slots, newest first."""
        ...

    async def pause(self, name: str, until: str | None = None) -> Schedule:
        """Let it rest."""
        ...

    async def resume(self, name: str) -> Schedule:
        """Let it go on from now."""
        ...

    async def remove(self, name: str) -> Schedule:
        """Drop it."""
        ...

    async def run(self, name: str) -> bool:
        """Wake the agent now; False when it changed meanwhile."""
        ...


class Trails(Protocol):
    """Whoever reads the audit log."""

    async def follow(self, name: str) -> Trail:
        """Return all that happened to a thing. Raises BadInput for one that is not known."""
        ...


class Pairings(Protocol):
    """Whoever lets strangers in. What is refused is a BadInput."""

    async def waiting(self) -> Sequence[Pairing]:
        """List who waits for an answer, oldest first."""
        ...

    async def decide(self, typed: str, *, is_allowed: bool, by: str) -> Pairing:
        """Let the stranger with this code talk, or turn them away."""
        ...


@dataclass(frozen=True, slots=True)
class ApiParts:
    """All that the API works on."""

    posts: Posts
    broadcasts: Broadcasts
    deliveries: DeliveryStore
    schedules: Schedules
    fires: FireStore
    trails: Trails
    pairings: Pairings
    roles: Collection[str]
    """The agents that there are."""
