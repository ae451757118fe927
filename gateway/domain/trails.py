"""All that happened to one thing, in order, and what of it is not over."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.domain.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class Trail:
    """What the audit log tells of a thing and of everything that belongs to it."""

    name: str
    """What was asked for."""
    entries: tuple[AuditEntry, ...]
    """In the order of the log; never empty."""
    is_open: tuple[str, ...]
    """A sentence for each thing that is not over, or was given up, with the reason."""
    is_cut: bool
    """Whether more belongs to it than is shown."""


def trail_json(trail: Trail) -> dict[str, object]:
    """Return the trail as JSON values."""
    return {
        "id": trail.name,
        "entries": [_entry_json(entry) for entry in trail.entries],
        "open": list(trail.is_open),
        "cut": trail.is_cut,
    }


def _entry_json(entry: AuditEntry) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "at": entry.at and entry.at.isoformat(),
        "kind": entry.kind,
        "subject": entry.subject,
        "ref": entry.ref,
        "data": dict(entry.data),
    }
