"""Deciding whether a turn goes on after a step. Pure."""

from agents.embedded.records import AssistantSaid, Run
from agents.embedded.sending import is_sending, wants_heartbeat


def stop_reason_after(reply: AssistantSaid, run: Run, *, is_cancelled: bool) -> str | None:
    """Letta's stop reason, or None when the model must be asked again.

    `run` already counts this step.
    """
    if reply.client_calls:
        return "requires_approval"
    if is_cancelled:
        return "cancelled"
    if all(is_sending(call) for call in reply.calls) and not wants_heartbeat(reply):
        return "end_turn"
    if run.usage.steps >= run.request.max_steps:
        return "max_steps"
    return None
