"""Holds `/cancel` to its word, by the log: it finds what runs, and nothing begins again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from gateway.domain.audit import AuditEntry, AuditKind
from gateway.domain.people import person_id_of
from tests.simulation.worker import ROUTES

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


def check_cancelled(sim: Simulation, log: Iterable[AuditEntry]) -> None:
    """P5, P8: what is cancelled begins no run again, and no command overlooks a turn."""
    watch = _Watch(sim)
    for entry in log:
        watch.read(entry)


class _Watch:
    """Follows the log."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._lanes: dict[str, set[str]] = {}
        """By the key of a command: where it cancels."""
        for event in sim.events:
            message = event.message
            if message.text == "cancel":
                person = person_id_of(message.sender.identity)
                lanes = {each.lane(person, message.conversation) for each in ROUTES.values()}
                self._lanes[message.idempotency_key] = set(map(str, lanes))
        self._keys: dict[int, str] = {}
        self._open: dict[str, tuple[str, int]] = {}
        """By lane: its open turn, and the place of the message with which that began."""
        self._meant: dict[str, set[str]] = {}
        """By turn of a command: what it has to cancel, unless that ends before."""
        self._cancelled: set[str] = set()
        self._claimed_since: set[str] = set()

    def read(self, entry: AuditEntry) -> None:
        """Take in one line."""
        turn = entry.ref
        match entry.kind:
            case AuditKind.MESSAGE_ACCEPTED:
                self._keys[cast("int", entry.data["sequence"])] = turn
            case AuditKind.TURN_CLAIMED:
                self._claimed(entry, cast("list[int]", entry.data["messages"]))
            case AuditKind.TURN_CANCELLED:
                self._cancelled.add(turn)
                self._settle(turn)
            case AuditKind.TURN_RUN if turn in self._claimed_since:
                self._sim.broken("P5", f"{turn} was cancelled, and a run of it began")
            case AuditKind.TURN_ENDED:
                if overlooked := self._meant.pop(turn, None):
                    self._sim.broken("P8", f"{turn} has not cancelled {overlooked}")
                self._open.pop(entry.subject, None)
                self._settle(turn)
            case _:
                pass

    def _claimed(self, entry: AuditEntry, messages: list[int]) -> None:
        if entry.ref in self._cancelled:
            self._claimed_since.add(entry.ref)
        if self._open.get(entry.subject, ("", 0))[0] == entry.ref:
            return
        self._open[entry.subject] = entry.ref, messages[0]
        for place in messages:
            for lane in self._lanes.get(self._keys.get(place, ""), ()):
                turn, began = self._open.get(lane, ("", 0))
                if turn and began < place and turn not in self._cancelled:
                    self._meant.setdefault(entry.ref, set()).add(turn)

    def _settle(self, turn: str) -> None:
        for meant in self._meant.values():
            meant.discard(turn)
