"""Whether the bot may write at a place, asked before there is anything to write."""

from __future__ import annotations

import httpx
from pydantic import BaseModel, ValidationError

from adapters.discord.failures import NOT_PERMITTED, UNKNOWN_CHANNEL, reason_of
from adapters.discord.outbound import channel_of
from gateway.domain.conversations import Conversation

_PATIENCE_SECONDS = 5.0


class _Refusal(BaseModel):
    """An error's body ("Error Messages", Discord's reference)."""

    code: int = 0


async def why_not(api_url: str, token: str, place: Conversation) -> str | None:
    """Return why nothing can be posted there; None where it can, or Discord does not say now.

    It asks for "is typing" to be shown, which takes the right to write, and no connection to
    the gateway ("Trigger Typing Indicator", Discord's reference).
    """
    address = f"{api_url.rstrip('/')}/channels/{channel_of(place)}/typing"
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
            answer = await client.post(address, headers={"Authorization": f"Bot {token}"})
    except httpx.HTTPError:
        return None
    code = _code_of(answer)
    return reason_of(code) if code in (UNKNOWN_CHANNEL, *NOT_PERMITTED) else None


def _code_of(answer: httpx.Response) -> int:
    """Return Discord's own code of an error; 0 where there is none."""
    try:
        return _Refusal.model_validate_json(answer.content).code
    except ValidationError:
        return 0
