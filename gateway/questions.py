"""What people read about a tool call that needs a yes. Pure."""

from __future__ import annotations

import json
from datetime import datetime

from gateway.domain.approvals import Approval, ApprovalState
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, ButtonStyle, NewDelivery
from gateway.domain.ids import DeliveryId
from gateway.domain.people import Sender

LONGEST_ARGUMENTS = 1_000
"""Characters of a call's arguments that the question shows."""
_LONGEST_NAME = 80
_HIDDEN = (
    "An agent wants to use {tool}. It was asked in private: only who asked and the approvers "
    'see the rest, with "Show".'
)
DONE = {
    ApprovalState.APPROVED: "Approved",
    ApprovalState.DENIED: "Denied",
    ApprovalState.EXPIRED: "Nobody decided in time",
}


def name_of(sender: Sender) -> str:
    """Return the name that people read."""
    return _plain(sender.name) or "somebody"


def outcome(state: ApprovalState, by: str, at: datetime) -> str:
    """Say what was decided, by whom and when."""
    who = f" by {_plain(by)}" if by else ""
    return f"**{DONE[state]}{who}** at {at:%Y-%m-%d %H:%M} UTC."


def unknown(approval: str) -> str:
    """Say that there is none of this id."""
    return f'There is no approval "{approval[:24]}".'


def how_it_stands(approval: Approval) -> str:
    """Say why it can't be decided any more."""
    if approval.decided_at is None:
        return "Its time is over; it will not be carried out."
    said = outcome(approval.state, approval.decided_by, approval.decided_at)
    return f"This was decided before. {said}"


def line_of(approval: Approval) -> str:
    """Return its line in a list, without what the call says."""
    tool, who = _tool(approval), name_of(approval.sender)
    until = f"{approval.expires_at:%Y-%m-%d %H:%M} UTC"
    return f"- `{approval.id}`: {tool}, asked for by {who}, until {until}"


def question_of(approval: Approval, name: DeliveryId, place: Conversation) -> NewDelivery:
    """Return the message that asks there for a yes or a no."""
    yes, no = f"/approve {approval.id}", f"/deny {approval.id}"
    show = (Button("Show", f"/approval {approval.id}"),) if _hides(approval, place) else ()
    return NewDelivery(
        id=name,
        conversation=place,
        text=f"{heading(approval, place)}\n\nMay it? Press a button, or write `{yes}` or `{no}`. "
        f"{_limit(approval)}",
        is_private=approval.is_private and place == approval.conversation,
        buttons=(
            Button("Approve", yes, ButtonStyle.GOOD),
            Button("Deny", no, ButtonStyle.DANGER),
            *show,
        ),
    )


def note_of(approval: Approval) -> NewDelivery:
    """Return what the person reads whose agent waits for somebody else's yes."""
    no, place = f"/deny {approval.id}", approval.conversation
    return NewDelivery(
        id=approval.question,
        conversation=place,
        text=f"{heading(approval, place)}\n\nIt waits for an approver; `{no}` takes it back. "
        f"{_limit(approval)}",
        is_private=approval.is_private,
        buttons=(Button("Deny", no, ButtonStyle.DANGER),),
    )


def _limit(approval: Approval) -> str:
    return f"Without an answer by {approval.expires_at:%Y-%m-%d %H:%M} UTC it is not done."


def _hides(approval: Approval, place: Conversation) -> bool:
    """Whether others read along there, who may not know what the call says."""
    if place == approval.conversation:
        return approval.hides_arguments
    return not place.is_direct


def heading(approval: Approval, place: Conversation) -> str:
    """Return what everybody reads who reads the question there."""
    if _hides(approval, place):
        return _HIDDEN.format(tool=_tool(approval))
    whose = "Your agent" if place == approval.conversation else f"An agent of {_of(approval)}"
    return call_of(approval, whose)


def _of(approval: Approval) -> str:
    return f"{name_of(approval.sender)} ({_plain(approval.sender.identity.platform)})"


def call_of(approval: Approval, whose: str = "Your agent") -> str:
    """Return the whole call."""
    shown = _shown_arguments(approval.call.arguments)
    return f"{whose} wants to use {_tool(approval)}:\n```json\n{shown}\n```"


def _tool(approval: Approval) -> str:
    """Return the tool's whole name: as code, so that nothing in it is a sign of Markdown."""
    name = approval.call.name
    return f"`{''.join(c for c in name if c.isprintable() and c != '`')[:_LONGEST_NAME] or '?'}`"


def _shown_arguments(arguments: str) -> str:
    """Return the arguments for people to read; nothing in them can end the code block."""
    try:
        text = json.dumps(json.loads(arguments or "{}"), indent=2, ensure_ascii=False)
    except ValueError:
        text = arguments
    text = "".join(c for c in text if c == "\n" or c.isprintable()).replace("`", "'")
    if len(text) <= LONGEST_ARGUMENTS:
        return text
    return f"{text[:LONGEST_ARGUMENTS]}\n… ({len(text):,} characters in all)"


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "*_`[]<>")[:_LONGEST_NAME]
