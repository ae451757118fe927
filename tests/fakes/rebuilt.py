"""What the audit log says, and nothing else: where every message, turn and delivery stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from gateway.domain.audit import AuditEntry, AuditKind


@dataclass
class Rebuilt:
    """What the log says."""

    messages: dict[str, str] = field(default_factory=dict[str, str])
    sequences: dict[int, str] = field(default_factory=dict[int, str])
    """By its place in the order of arrival: which message."""
    turns: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    composition: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    answers: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By turn: the deliveries that it ended with."""
    lanes: dict[str, str] = field(default_factory=dict[str, str])
    """By turn: its lane."""
    deliveries: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    receipts: dict[str, object] = field(default_factory=dict[str, object])

    def read(self, entry: AuditEntry) -> None:
        """Take in one line."""
        subject = entry.kind.partition(".")[0]
        match subject:
            case "message":
                self._read_message(entry)
            case "turn":
                self._read_turn(entry)
            case "delivery":
                self._read_delivery(entry)
            case _:
                pass

    def _read_message(self, entry: AuditEntry) -> None:
        if entry.kind is not AuditKind.MESSAGE_REVISED:
            self.messages[entry.ref] = entry.kind.partition(".")[2]
        if "sequence" in entry.data:
            self.sequences[cast("int", entry.data["sequence"])] = entry.ref

    def _read_turn(self, entry: AuditEntry) -> None:
        _, attempt = self.turns.get(entry.ref, ("", 0))
        match entry.kind:
            case AuditKind.TURN_CLAIMED:
                attempt = cast("int", entry.data["attempt"])
                self.turns[entry.ref] = ("running", attempt)
                self.composition[entry.ref] = cast("list[int]", entry.data["messages"])
                self.lanes[entry.ref] = entry.subject
            case AuditKind.TURN_ENDED:
                self.turns[entry.ref] = (cast("str", entry.data["state"]), attempt)
                self.answers[entry.ref] = cast("list[str]", entry.data["deliveries"])
            case _:
                pass

    def _read_delivery(self, entry: AuditEntry) -> None:
        state, revision = self.deliveries.get(entry.ref, ("pending", 1))
        match entry.kind:
            case AuditKind.DELIVERY_DROPPED:
                del self.deliveries[entry.ref]
                return
            case AuditKind.DELIVERY_LOST:
                state = "unknown"
            case AuditKind.DELIVERY_REVISED:
                state = cast("str", entry.data["state"])
                revision = cast("int", entry.data["revision"])
            case AuditKind.DELIVERY_CLAIMED:
                state = cast("str", entry.data["state"])
            case AuditKind.DELIVERY_SETTLED:
                state = cast("str", entry.data["state"])
                self.receipts[entry.ref] = entry.data["receipt"]
            case _:
                pass
        self.deliveries[entry.ref] = (state, revision)
