"""Commands by which admins turn somebody away, for a while or for good, and let them in again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.commands.command import Asked, Command, Reach
from gateway.domain.bans import Ban, read_length
from gateway.domain.commands import CommandArgument, CommandSpec, Tier
from gateway.domain.people import Identity

_WHO = (
    "Whom? Write their mention where it is one, their id on this platform, or the account as "
    "`/whoami` shows it to them: platform:workspace:user."
)
_UNKNOWN = (
    " I have answered nobody with this account yet. Is it the right one? In a channel that several "
    "Slack workspaces share, guests have accounts of their own workspace."
)
_IDS = {
    "discord": r"<@!?(\d{1,20})>|(\d{1,20})",
    "slack": r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|([UW][A-Z0-9]+)",
}
"""What a mention, and an id, look like in what somebody typed."""


async def _ban(asked: Asked, reach: Reach) -> str:
    return await _turn_away(asked, reach, is_silent=False)


async def _mute(asked: Asked, reach: Reach) -> str:
    return await _turn_away(asked, reach, is_silent=True)


async def _turn_away(asked: Asked, reach: Reach, *, is_silent: bool) -> str:
    by, words = asked.message.sender.identity, asked.arguments.split(maxsplit=1)
    if not words:
        return _WHO
    try:
        who = read_account(words[0], by)
        length = read_length(words[1] if len(words) > 1 else "")
    except ValueError as error:
        return str(error)
    person = await reach.store.people.find_person(who)
    linked = [who] if person is None else await reach.store.people.identities(person.id)
    if any(each.key in reach.admins for each in linked):
        return f"`{who.key}` is an admin: the operator alone can ban them."
    since = asked.message.sent_at
    until = None if length is None else since + length
    ban = Ban(who, since, until, by.key, is_silent=is_silent)
    accounts = await reach.store.people.ban(ban)
    told = "They are not told." if is_silent else "They are told when they write."
    how = "muted" if is_silent else "banned"
    unknown = "" if person is not None else _UNKNOWN
    return f"{_all(accounts)} {how} {ban}. {told} `/unban {who.key}` ends it.{unknown}"


async def _unban(asked: Asked, reach: Reach) -> str:
    by = asked.message.sender.identity
    try:
        who = read_account(asked.arguments, by)
    except ValueError as error:
        return str(error)
    accounts = await reach.store.people.lift_ban(who, by.key, reach.clock.now())
    return f"{_all(accounts)} heard again." if accounts else f"`{who.key}` is not banned."


def read_account(typed: str, by: Identity) -> Identity:
    """Return whom an admin means: an id alone is one of the admin's own workspace. Pure.

    Raises ValueError with what to write instead.
    """
    found = re.fullmatch(_IDS.get(by.platform, r"(?!)"), typed.strip())
    if found is not None:
        return Identity(by.platform, by.workspace, next(filter(None, found.groups())))
    if ":" not in typed:
        raise ValueError(_WHO)
    return Identity.parse(typed)


def _all(accounts: Sequence[Identity]) -> str:
    names = ", ".join(f"`{each.key}`" for each in accounts)
    return f"{names} {'is' if len(accounts) == 1 else 'are'}"


_ACCOUNT = CommandArgument(
    "who", "Their mention or id, or platform:workspace:user", is_required=True
)
_LENGTH = CommandArgument("length", "30m, 2h, 7d or 1w; for good when left out")

FAMILY = (
    Command(
        CommandSpec(
            "ban",
            "Hear nothing more of somebody, and tell them",
            (_ACCOUNT, _LENGTH),
            tier=Tier.ADMIN,
        ),
        _ban,
    ),
    Command(
        CommandSpec(
            "mute",
            "Hear nothing more of somebody, and say nothing",
            (_ACCOUNT, _LENGTH),
            tier=Tier.ADMIN,
        ),
        _mute,
    ),
    Command(
        CommandSpec("unban", "Hear somebody again", (_ACCOUNT,), tier=Tier.ADMIN),
        _unban,
    ),
)
