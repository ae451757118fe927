"""`postern pairing`: the operator's yes or no to strangers who showed their code."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gateway.cli.stores import opened
from gateway.cli.terminal import AsJson, printable, say, say_json, say_table
from gateway.domain.bans import OPERATOR
from gateway.domain.people import Pairing, pairing_json
from gateway.rights.pairing_codes import read_code
from gateway.rights.pairings import Pairings

app = typer.Typer(help="Decide about strangers who want to talk.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(help="The code that the stranger was shown.")]


@app.command("list")
def list_pairings(as_json: AsJson = False) -> None:
    """List who waits for an answer, oldest first."""
    waiting = asyncio.run(_waiting())
    if as_json:
        say_json([pairing_json(pairing) for pairing in waiting])
    elif not waiting:
        say("Nobody waits.")
    else:
        rows = [(p.identity.key, p.name, f"{p.expires_at:%Y-%m-%d %H:%M} UTC") for p in waiting]
        say_table(("identity", "name", "code expires"), rows)


@app.command()
def approve(code: Code, as_json: AsJson = False) -> None:
    """Let the stranger with this code talk."""
    _decide(code, is_allowed=True, as_json=as_json)


@app.command()
def deny(code: Code, as_json: AsJson = False) -> None:
    """Turn the stranger with this code away."""
    _decide(code, is_allowed=False, as_json=as_json)


def _decide(typed: str, *, is_allowed: bool, as_json: bool) -> None:
    if read_code(typed) is None:
        raise typer.BadParameter(f'"{typed}" is not a pairing code, such as ABCD2345.')
    pairing = asyncio.run(_decided(typed, is_allowed=is_allowed))
    if as_json:
        say_json({**pairing_json(pairing), "allowed": is_allowed})
    else:
        outcome = "may talk now" if is_allowed else "was turned away"
        say(f"{printable(pairing.name)} ({pairing.identity.key}) {outcome}.")


async def _waiting() -> list[Pairing]:
    async with opened() as (store, clock):
        return await Pairings(store.people, clock).waiting()


async def _decided(code: str, *, is_allowed: bool) -> Pairing:
    async with opened() as (store, clock):
        pairings = Pairings(store.people, clock)
        return await pairings.decide(code, is_allowed=is_allowed, by=OPERATOR)
