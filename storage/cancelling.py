"""What every store does alike about turns that people cancel, whatever it is made of."""

from __future__ import annotations

from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.turns import Cancelled

SAID = (MessageKind.TEXT, MessageKind.EDIT, MessageKind.REACTION)
"""What is withdrawn where it waits; what agents and schedules have under way is not."""


def call_of(command: InboundMessage) -> str:
    """Return under which name the journal of the command's turn keeps what it came to."""
    return f"cancel:{command.idempotency_key}"


def write_cancelled(cancelled: Cancelled) -> str:
    """Write what a cancellation came to, for the journal."""
    return f"{cancelled.turns} {cancelled.messages}"


def read_cancelled(text: str) -> Cancelled:
    """Read what `write_cancelled` wrote."""
    turns, messages = text.split()
    return Cancelled(int(turns), int(messages))
