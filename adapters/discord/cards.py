"""The card below the question about a tool call: its name, and where it stands by colour. Pure.

The call's arguments stay in the text above it: a card is not shown to whoever turned embeds off,
nor where the bot may not embed links, and nobody should decide about what they can not see.
"""

from __future__ import annotations

from adapters.discord.rest import Json
from gateway.domain.approvals import Approval, ApprovalState

_LONGEST_NAME = 100
"""Characters; a title takes 256 ("Embed Limits", Discord's reference)."""
_LOOKS = {
    ApprovalState.WAITING: (0xF1C40F, "Waits for an answer"),
    ApprovalState.APPROVED: (0x2ECC71, "Approved"),
    ApprovalState.DENIED: (0xE74C3C, "Denied"),
    ApprovalState.EXPIRED: (0x95A5A6, "Nobody decided in time"),
}


def card_of(approval: Approval) -> Json:
    """Return the embed. It tells no more than everybody may read."""
    colour, stands = _LOOKS[approval.state]
    plain = "".join(sign for sign in approval.call.name if sign.isprintable() and sign != "`")
    return {"title": f"`{plain[:_LONGEST_NAME]}`", "description": stands, "color": colour}
