"""`postern dead-letters`: what was given up, and what the operator does about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.stores import opened
from gateway.cli.terminal import AsJson, printable, say, say_json, say_table
from gateway.errors import BadInput

if TYPE_CHECKING:
    from gateway.dead_letters import DeadLetters
    from gateway.domain.dead_letters import DeadLetter

app = typer.Typer(help="Deal with what was given up.", no_args_is_help=True)

_SHOWN = 60
"""Characters of a text in the list."""

Letter = Annotated[
    str | None, typer.Argument(help="Its id, as the list shows it.", show_default=False)
]
All = Annotated[bool, typer.Option("--all", help="All that the list shows.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, oldest first.")]


@app.command("list")
def list_letters(limit: Limit = 100, as_json: AsJson = False) -> None:
    """List turns that failed and messages that never went out."""
    letters = asyncio.run(_page(limit))
    if as_json:
        say_json([_as_json(letter) for letter in letters])
    elif not letters:
        say("Nothing was given up.")
    else:
        rows = [
            (each.id, f"{each.at:%Y-%m-%d %H:%M} UTC", each.conversation.id, _reason(each))
            for each in letters
        ]
        say_table(("id", "given up", "conversation", "reason"), rows)


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="Its id, as the list shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show one with its text and the whole reason."""
    found = asyncio.run(_get(letter))
    if as_json:
        say_json(_as_json(found))
        return
    say(f"{found.id} in {found.conversation.id}, given up {found.at:%Y-%m-%d %H:%M:%S} UTC")
    say(f"Reason: {printable(found.error)}")
    say("")
    say(found.text or "(its text was dropped by retention)")


@app.command()
def replay(letter: Letter = None, every: All = False, limit: Limit = 100) -> None:
    """Have it done again. A failed turn is answered anew, a failed message sent again."""
    asyncio.run(_each(letter, every, limit, lambda desk: desk.replay, "is on its way again"))


@app.command()
def drop(letter: Letter = None, every: All = False, limit: Limit = 100) -> None:
    """Let it go; it leaves the list and stays in the audit log."""
    asyncio.run(_each(letter, every, limit, lambda desk: desk.drop, "was dropped"))


async def _page(limit: int) -> list[DeadLetter]:
    async with _desk() as desk:
        return await desk.page(limit)


async def _get(letter: str) -> DeadLetter:
    async with _desk() as desk:
        return await desk.get(letter)


async def _each(
    letter: str | None,
    every: bool,
    limit: int,
    act: Callable[[DeadLetters], Callable[[DeadLetter], Awaitable[None]]],
    outcome: str,
) -> None:
    if (letter is None) is not every:
        raise typer.BadParameter("Give the id of one dead letter, or --all.")
    async with _desk() as desk:
        letters = [await desk.get(letter)] if letter is not None else await desk.page(limit)
        refusals: list[str] = []
        for each in letters:
            try:
                await act(desk)(each)
                say(f"{each.id} {outcome}.")
            except BadInput as error:
                refusals.append(str(error))
        if not letters:
            say("Nothing was given up.")
    if refusals:
        raise BadInput("\n".join(refusals))


@asynccontextmanager
async def _desk() -> AsyncGenerator[DeadLetters]:
    from gateway.bootstrap.choices import routes
    from gateway.cli.loading import load
    from gateway.dead_letters import DeadLetters

    async with opened() as (store, clock):
        yield DeadLetters(store, routes(load()), clock)


def _reason(letter: DeadLetter) -> str:
    reason = printable(letter.error)
    return reason if len(reason) <= _SHOWN else f"{reason[: _SHOWN - 1]}…"


def _as_json(letter: DeadLetter) -> dict[str, object]:
    from gateway.domain.dead_letters import DeadTurn

    return {
        "id": letter.id,
        "kind": "turn" if isinstance(letter, DeadTurn) else "delivery",
        "conversation": letter.conversation.id,
        "reason": letter.error,
        "given_up_at": letter.at.isoformat(),
        "text": letter.text,
    }
