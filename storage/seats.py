"""Seats: how many turns of a person run at once, and which lanes wait for one. Pure rules.

A turn takes a seat of its person, whoever runs it, from its claim until it ends, is postponed
or is lost. Whose seat it takes, and why, is told in docs/decisions/0008-seats.md.
A turn that was cancelled takes none: it only ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.ids import LaneId, PersonId, WorkerId
from gateway.domain.people import Mode, mode_of
from storage.rules import role_of


@dataclass(frozen=True, slots=True)
class Claimer:
    """Who asks for turns, and how many there may be."""

    worker: WorkerId
    limit: int
    per_person: int
    lease_until: datetime
    now: datetime


def owner_of(lane: LaneId) -> PersonId | None:
    """Return the person whose own agent's lane it is; None for one that others may write into."""
    return PersonId(lane.partition("/")[0]) if mode_of(lane) is Mode.PERSON else None


def is_for_commands(lane: LaneId) -> bool:
    """Say whether its turns take nobody's seat: `/cancel` must not wait for what it ends."""
    return role_of(lane) == "commands"


def seated(
    owners: Iterable[PersonId | None], taken: Mapping[PersonId, int], claimer: Claimer
) -> list[bool]:
    """Say of each lane, by whose seat its turn would take, whether it becomes a turn.

    The lanes are in the order of their claim. Those after the last one that there
    is a turn for are not looked at: the list is shorter.
    """
    sitting = dict(taken)
    room = claimer.limit
    seats: list[bool] = []
    for owner in owners:
        if room == 0:
            break
        seat = 0 if owner is None else sitting.get(owner, 0) + 1
        has_seat = seat <= claimer.per_person
        room -= has_seat
        if owner is not None and has_seat:
            sitting[owner] = seat
        seats.append(has_seat)
    return seats
