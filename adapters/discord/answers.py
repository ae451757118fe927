"""Answers to interactions, by the token that each of them brings for 15 minutes."""

from __future__ import annotations

from adapters.discord.failures import UNKNOWN_MESSAGE, DiscordRefused
from adapters.discord.interactions import Handle
from adapters.discord.outbound import Content
from adapters.discord.payloads import Message
from adapters.discord.rest import Call, Json, Rest
from gateway.domain.deliveries import Delivery

_ALL_OF = "/webhooks/{webhook_id}/{webhook_token}"
_ONE = "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}"
_ORIGINAL = "@original"


class Answers:
    """The messages that answer interactions. They are outside the bot's global rate limit."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def post(self, delivery: Delivery, handle: Handle, content: Content) -> str:
        """Answer, and return the message's id.

        What opens a turn's answer takes the place of "thinking", by an edit that can
        be repeated. All else follows it; Discord has no nonce for that, so a lost
        reply is OutcomeUnknown.
        """
        if is_repeatable(delivery):
            call = edit_of(handle, _ORIGINAL, content)
        else:
            body = content.body(is_private=delivery.is_private)
            ids = _ids(handle)
            call = Call("POST", _ALL_OF, ids, body, uploads=content.uploads, is_repeatable=False)
        shown: Json = await self._rest.call(call)
        return str(shown["id"])

    async def edit(self, handle: Handle, message: str, content: Content) -> None:
        """Give an answer a new text."""
        await self._rest.call(edit_of(handle, message, content))

    async def delete(self, handle: Handle, message: str) -> None:
        """Take an answer back; one that is gone already is fine."""
        try:
            await self._rest.call(Call("DELETE", _ONE, _ids(handle, message)))
        except DiscordRefused as error:
            if error.code != UNKNOWN_MESSAGE:
                raise

    async def original(self, handle: Handle) -> Message:
        """Return the first answer as it stands."""
        return Message.model_validate(
            await self._rest.call(Call("GET", _ONE, _ids(handle, _ORIGINAL)))
        )


def is_repeatable(delivery: Delivery) -> bool:
    """Whether the first send of an answer may simply be done again."""
    return delivery.turn is not None and delivery.index == 0


def edit_of(handle: Handle, message: str, content: Content) -> Call:
    """Return the call that gives an answer a new text."""
    return Call("PATCH", _ONE, _ids(handle, message), content.body(), uploads=content.uploads)


def _ids(handle: Handle, message: str | None = None) -> dict[str, str]:
    ids = {"webhook_id": handle.application, "webhook_token": handle.token}
    return ids if message is None else {**ids, "message_id": message}
