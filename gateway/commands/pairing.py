"""The command by which admins let strangers in, or turn them away."""

from __future__ import annotations

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach
from gateway.domain.commands import CommandArgument, CommandSpec, Tier
from gateway.domain.people import Pairing
from gateway.errors import BadInput
from gateway.rights.pairings import Pairings, shown

_HOW = "`/pair CODE` lets in who was shown the code, and `/pair deny CODE` turns them away."


async def _pair(asked: Asked, reach: Reach) -> str:
    by, words = asked.message.sender.identity.key, asked.arguments.split(maxsplit=1)
    if not asked.is_private:
        return ELSEWHERE
    pairings = Pairings(reach.store.people, reach.clock)
    if not words:
        return _listed(await pairings.waiting())
    is_denial = words[0].lower() == "deny" and len(words) > 1
    code = words[1] if is_denial else asked.arguments
    try:
        who = await pairings.decide(code, is_allowed=not is_denial, by=by)
    except BadInput as error:
        return str(error)
    outcome = "was turned away" if is_denial else "may talk now"
    return f"{shown(who)} {outcome}."


def _listed(waiting: list[Pairing]) -> str:
    if not waiting:
        return f"Nobody waits. {_HOW}"
    lines = (f"- {shown(each)}, until {each.expires_at:%H:%M} UTC" for each in waiting)
    return "\n".join(["These wait to be let in:", *lines, "", _HOW])


FAMILY = (
    Command(
        CommandSpec(
            "pair",
            "Let in who was shown a pairing code",
            (CommandArgument("code", "The code, or deny CODE; nothing lists who waits"),),
            tier=Tier.ADMIN,
        ),
        _pair,
    ),
)
