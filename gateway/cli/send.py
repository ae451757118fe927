"""`postern send`: a post of the operator's, by the same way out as every answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.stores import opened
from gateway.cli.terminal import AsJson, say, say_json
from gateway.errors import BadInput

if TYPE_CHECKING:
    from gateway.posts import Posted


def send(
    text: Annotated[str, typer.Argument(help="What to post, in Markdown.")],
    to: Annotated[
        str | None, typer.Option(help="Conversation: platform:place:channel[:thread].")
    ] = None,
    to_all: Annotated[
        bool, typer.Option("--to-all", help="To all who are alone with an agent; needs a key.")
    ] = False,
    platform: Annotated[str | None, typer.Option(help="With --to-all: only there.")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Any text; with the same key it is posted once, however often sent."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Post a text. It is stored first, and goes out as soon as a gateway runs."""
    if to_all:
        if to is not None or key is None:
            raise typer.BadParameter("With --to-all goes a --key, and no --to.")
        _say_broadcast(asyncio.run(_broadcast(text, key, platform)), as_json=as_json)
        return
    if to is None:
        raise typer.BadParameter("Say where, with --to or --to-all.")
    posted = asyncio.run(_posted(to, text, key))
    if as_json:
        say_json(
            {"id": posted.id, "conversation": posted.conversation.id, "new": posted.is_new},
        )
    elif posted.is_new:
        say(f"Stored as {posted.id}; it goes out as soon as a gateway runs.")
    else:
        say(f"{posted.id} was sent before; nothing was added.")


async def _posted(to: str, text: str, key: str | None) -> Posted:
    from gateway.bootstrap import PLATFORMS
    from gateway.posts import Posts

    async with opened() as (store, clock):
        try:
            return await Posts(store.deliveries, PLATFORMS, clock).post(to, text, key)
        except BadInput as error:
            raise typer.BadParameter(str(error)) from None


def _say_broadcast(count: int, *, as_json: bool) -> None:
    if as_json:
        say_json({"new": count})
    else:
        say(f"Stored for {count} conversations; repeated with the same key, it reaches the rest.")


async def _broadcast(text: str, key: str, platform: str | None) -> int:
    from gateway.bootstrap import PLATFORMS
    from gateway.posts import Broadcasts

    async with opened() as (store, clock):
        try:
            return await Broadcasts(store, PLATFORMS, clock).post(text, key, platform)
        except BadInput as error:
            raise typer.BadParameter(str(error)) from None
