"""What the operator is told of agents."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.ids import AgentId
from gateway.domain.people import Person


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent as the store knows it."""

    person: Person
    role: str
    agent: AgentId | None
    """None while it is only intended."""
    template: str
    """`current`, `behind`, `own` of an adopted one, or `removed` where its role is gone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and perhaps done, about one agent."""

    row: AgentRow
    drift: tuple[str, ...] = ()
    """How it differs from its template, in sentences."""
    memory: tuple[str, ...] = ()
    """The blocks in which it has hardly room left, in sentences."""
    is_mended: bool = False
    error: str = ""
    """Why it could not be looked at, or mended."""
