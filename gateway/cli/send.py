"""`postern send`: a post of the operator's, by the same way out as every answer."""

from __future__ import annotations

import asyncio
import uuid
from typing import Annotated

import typer

from gateway.cli.stores import opened
from gateway.cli.terminal import AsJson, say, say_json
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import NewDelivery
from gateway.domain.ids import DeliveryId

SAFE_LENGTH = 1_900
"""Characters of one post: what every platform shows, whatever it makes of the Markdown."""


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
    conversation = _place(to)
    if not text.strip():
        raise typer.BadParameter("There is nothing to post: the text is empty.")
    name = f"send:{conversation.id}:{key or uuid.uuid4().hex}"
    is_new = asyncio.run(_stored(name, conversation, text)) > 0
    if as_json:
        say_json({"id": name, "conversation": conversation.id, "new": is_new})
    elif is_new:
        say(f"Stored as {name}; it goes out as soon as a gateway runs.")
    else:
        say(f"{name} was sent before; nothing was added.")


def _place(readable: str) -> Conversation:
    from gateway.bootstrap import PLATFORMS

    try:
        conversation = Conversation.parse(readable)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if conversation.platform not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise typer.BadParameter(f'"{conversation.platform}" is no platform. There is {known}.')
    return conversation


async def _stored(name: str, conversation: Conversation, text: str) -> int:
    """Store the posts under names made of place and key, so that a repeat is known for one."""
    from gateway.text.split import split_markdown

    posts = [
        NewDelivery(DeliveryId(f"{name}.{index}"), conversation, part)
        for index, part in enumerate(split_markdown(text, SAFE_LENGTH, len))
    ]
    async with opened() as (store, clock):
        return await store.deliveries.enqueue(posts, clock.now())
