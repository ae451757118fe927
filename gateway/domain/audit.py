"""One line of the log that explains what happened; it holds ids and outcomes, never texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AuditKind(StrEnum):
    """What happened. The first word says to what."""

    MESSAGE_ACCEPTED = "message.accepted"
    MESSAGE_REFUSED = "message.refused"
    MESSAGE_REVISED = "message.revised"
    MESSAGE_WITHDRAWN = "message.withdrawn"
    TURN_CLAIMED = "turn.claimed"
    TURN_RUN = "turn.run"
    TURN_TOOL = "turn.tool"
    TURN_TOOL_BEGUN = "turn.tool_begun"
    TURN_POSTPONED = "turn.postponed"
    TURN_LOST = "turn.lost"
    TURN_CANCELLED = "turn.cancelled"
    """Its person wants it no more; how it ended is said when it does."""
    TURN_ENDED = "turn.ended"
    DELIVERY_STORED = "delivery.stored"
    DELIVERY_REVISED = "delivery.revised"
    DELIVERY_DROPPED = "delivery.dropped"
    DELIVERY_CLAIMED = "delivery.claimed"
    DELIVERY_SETTLED = "delivery.settled"
    DELIVERY_LOST = "delivery.lost"
    DELIVERY_RESENT = "delivery.resent"
    TURN_CLOSED = "turn.closed"
    DELIVERY_CLOSED = "delivery.closed"
    PERSON_MET = "person.met"
    PERSON_LINKED = "person.linked"
    PERSON_UNLINKED = "person.unlinked"
    LINK_OFFERED = "link.offered"
    LINK_REFUSED = "link.refused"
    TOKEN_OFFERED = "token.offered"  # noqa: S105 - what happened
    TOKEN_MADE = "token.made"  # noqa: S105 - what happened
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - what happened
    PERSON_FORGOTTEN = "person.forgotten"
    PERSON_EXPORTED = "person.exported"
    PERSON_BANNED = "person.banned"
    PERSON_UNBANNED = "person.unbanned"
    PAIRING_ASKED = "pairing.asked"
    PAIRING_DECIDED = "pairing.decided"
    AGENT_INTENDED = "agent.intended"
    AGENT_BOUND = "agent.bound"
    AGENT_ADOPTED = "agent.adopted"
    AGENT_UNBOUND = "agent.unbound"
    MEMORY_EDITED = "memory.edited"
    MEMORY_EDIT_DROPPED = "memory.edit_dropped"
    SESSION_BOUND = "session.bound"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_DECIDED = "approval.decided"
    APPROVAL_REFUSED = "approval.refused"
    ERRAND_CHANGED = "errand.changed"
    SCHEDULE_PUT = "schedule.put"
    SCHEDULE_FIRED = "schedule.fired"
    SCHEDULE_MISSED = "schedule.missed"
    SCHEDULE_ENDED = "schedule.ended"
    SCHEDULE_REMOVED = "schedule.removed"
    INSTALLATION_PUT = "installation.put"
    INSTALLATION_RENEWED = "installation.renewed"
    INSTALLATION_ENDED = "installation.ended"
    INSTALLATION_FAILED = "installation.failed"
    FUNCTION_DEPLOYED = "function.deployed"
    TASK_ADDED = "task.added"
    TASK_CLAIMED = "task.claimed"
    TASK_ENDED = "task.ended"
    TASK_TOLD = "task.told"
    TOOL_CALLED = "tool.called"


ARRIVALS = frozenset({AuditKind.MESSAGE_ACCEPTED, AuditKind.MESSAGE_REFUSED})
"""The first entries of messages."""

POSTED = frozenset({AuditKind.DELIVERY_STORED, AuditKind.DELIVERY_REVISED})
"""What changes a conversation for those who read it."""

STEPS = frozenset(
    {
        AuditKind.TURN_RUN,
        AuditKind.TURN_TOOL,
        AuditKind.TURN_TOOL_BEGUN,
        AuditKind.TURN_ENDED,
        AuditKind.DELIVERY_CLAIMED,
        AuditKind.DELIVERY_SETTLED,
        AuditKind.DELIVERY_REVISED,
    }
)
"""What befalls a turn or a delivery that an earlier entry began: found by its name alone."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Written in the commit of what it tells, so that it is there when, and only when, it is."""

    sequence: int
    """Its place in the log; pass the largest one as `after` for newer entries."""
    at: datetime | None
    """None where the operation is not told the moment."""
    kind: AuditKind
    subject: str
    """The lane, conversation, person or schedule that it happened to."""
    ref: str
    """The idempotency key, turn id, delivery id … that it happened to."""
    data: Mapping[str, object]
    """What else is needed to rebuild the state: JSON values, described by the stores' writers."""
