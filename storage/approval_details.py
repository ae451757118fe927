"""An approval as JSON: one column in every database, beside those that queries need."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pydantic import TypeAdapter

from gateway.domain.approvals import Approval, ApprovalState

_ADAPTER = TypeAdapter(Approval)


def write_approval(approval: Approval) -> str:
    """Return the JSON text of what never changes; the standing has columns of its own."""
    return _ADAPTER.dump_json(approval).decode()


def read_approval(
    details: str, state: str, decided_by: str, decided_at: datetime | None
) -> Approval:
    """Return the approval as it stands."""
    asked = _ADAPTER.validate_json(details)
    return replace(asked, state=ApprovalState(state), decided_by=decided_by, decided_at=decided_at)
