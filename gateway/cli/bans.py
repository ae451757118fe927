"""`postern bans`: whom the gateway does not hear, whatever else lets them in."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer

from gateway.cli.stores import opened
from gateway.cli.terminal import AsJson, say, say_json, say_table
from gateway.domain.bans import OPERATOR, Ban, read_length
from gateway.domain.people import Identity
from gateway.errors import BadInput

app = typer.Typer(help="Turn people away, for a while or for good.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(help="The account, as platform:workspace:user.")]


@app.command("list")
def list_bans(as_json: AsJson = False) -> None:
    """List who is banned or muted now, oldest first."""
    bans = asyncio.run(_listed())
    if as_json:
        say_json([_as_json(ban) for ban in bans])
    elif not bans:
        say("Nobody is banned.")
    else:
        rows = [(b.identity.key, _how(b), f"{b.since:%Y-%m-%d %H:%M} UTC", b.by) for b in bans]
        say_table(("account", "how", "since", "by"), rows)


@app.command()
def add(
    who: Who,
    length: Annotated[
        str, typer.Option("--for", help="30m, 2h, 7d or 1w; for good when left out.")
    ] = "",
    silent: Annotated[
        bool, typer.Option("--silent", help="A mute: nothing tells them that they are unheard.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hear nothing more of an account, and of all that are linked to it."""
    identity = _read_account(who)
    try:
        until = read_length(length)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    bans = asyncio.run(_banned(identity, until, is_silent=silent))
    if as_json:
        say_json([_as_json(ban) for ban in bans])
    for ban in () if as_json else bans:
        say(f"{ban.identity.key} is {_how(ban)}.")


@app.command()
def lift(who: Who, as_json: AsJson = False) -> None:
    """Hear an account again, and all that are linked to it."""
    identity = _read_account(who)
    accounts = asyncio.run(_lifted(identity))
    if not accounts:
        raise BadInput(f"{who} is not banned. `postern bans list` lists who is.")
    if as_json:
        say_json([account.key for account in accounts])
    for account in () if as_json else accounts:
        say(f"{account.key} is heard again.")


async def _listed() -> list[Ban]:
    async with opened() as (store, clock):
        return await store.people.bans(clock.now())


async def _banned(identity: Identity, length: timedelta | None, *, is_silent: bool) -> list[Ban]:
    async with opened() as (store, clock):
        since = clock.now()
        until = None if length is None else since + length
        accounts = await store.people.ban(
            Ban(identity, since, until, OPERATOR, is_silent=is_silent)
        )
        return [ban for ban in await store.people.bans(since) if ban.identity in accounts]


async def _lifted(identity: Identity) -> list[Identity]:
    async with opened() as (store, clock):
        return await store.people.lift_ban(identity, OPERATOR, clock.now())


def _read_account(who: str) -> Identity:
    try:
        return Identity.parse(who)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _how(ban: Ban) -> str:
    return f"{'muted' if ban.is_silent else 'banned'} {ban}"


def _as_json(ban: Ban) -> dict[str, object]:
    return {
        "identity": ban.identity.key,
        "since": ban.since.isoformat(),
        "until": None if ban.until is None else ban.until.isoformat(),
        "by": ban.by,
        "silent": ban.is_silent,
    }
