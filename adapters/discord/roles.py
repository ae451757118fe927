"""Which roles somebody has in a server, asked where their message does not tell it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from http import HTTPStatus

import httpx
from pydantic import BaseModel, ValidationError

from adapters.discord.payloads import Member
from gateway.domain.circles import Circle
from gateway.domain.people import Identity
from gateway.errors import RetryLater

_PATIENCE_SECONDS = 2.0
"""An interaction has to be answered within three."""
_NOBODY_THERE = (10_007, 10_013)
"""Codes of a member, and of a user, that there is not ("Opcodes and Status Codes", reference)."""


class _Refusal(BaseModel):
    code: int = 0


def circle_keys(guild: str, roles: Collection[str]) -> frozenset[str]:
    """Return the keys of a member's circles; everybody has the role with the server's id. Pure."""
    return frozenset(Circle("discord", guild, role).key for role in (guild, *roles))


async def circles_of(
    api_url: str, token: str, identity: Identity, circles: Sequence[Circle]
) -> Collection[str]:
    """Return the circles that somebody is in, all of which are of one server.

    It needs no privileged intent ("Get Guild Member", Discord's reference). Raises RetryLater
    when Discord does not say, also where the bot is not in the server.
    """
    guild = circles[0].workspace
    address = f"{api_url.rstrip('/')}/guilds/{guild}/members/{identity.user}"
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS) as client:
            answer = await client.get(address, headers={"Authorization": f"Bot {token}"})
    except httpx.HTTPError as error:
        raise RetryLater(f"Discord could not be reached ({type(error).__name__}).") from error
    if answer.status_code == HTTPStatus.NOT_FOUND and _code_of(answer) in _NOBODY_THERE:
        return ()
    if answer.status_code != HTTPStatus.OK:
        raise RetryLater(
            f"Discord answered {answer.status_code} ({_code_of(answer)}) when asked for a member "
            f'of the server "{guild}".'
        )
    try:
        return circle_keys(guild, Member.model_validate_json(answer.content).roles or ())
    except ValidationError as error:
        raise RetryLater("Discord's answer about a member is not what it describes.") from error


def _code_of(answer: httpx.Response) -> int:
    """Return Discord's own code of an error; 0 where there is none."""
    try:
        return _Refusal.model_validate_json(answer.content).code
    except ValidationError:
        return 0
