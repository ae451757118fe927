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
    to: Annotated[str, typer.Option(help="Conversation: platform:place:channel[:thread].")],
    key: Annotated[
        str | None,
        typer.Option(help="Any text; with the same key it is posted once, however often sent."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Post a text. It is stored first, and goes out as soon as a gateway runs."""
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
