"""What turns have used by day, and how much somebody wrote of late: what limits are counted in."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.ids import PersonId


@dataclass(frozen=True, slots=True)
class Charge:
    """What one turn has used, and who it is put down to."""

    person: PersonId
    role: str
    tokens: int = 0
    """Read and written by the model, over all rounds; 0 where the runtime did not tell."""
    schedule: str = ""
    """The schedule that woke the agent; empty when a person did."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used in a day."""

    turns: int = 0
    tokens: int = 0

    def plus(self, other: Spent) -> Spent:
        """Return the sum."""
        return Spent(self.turns + other.turns, self.tokens + other.tokens)


@dataclass(frozen=True, slots=True)
class Written:
    """How much somebody wrote of late, with all their accounts."""

    person: PersonId
    count: int
