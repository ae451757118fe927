"""Deliveries → what Discord is sent. Pure: texts, files, nonces, receipts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.discord.payloads import COMPONENTS_V2, EPHEMERAL
from adapters.discord.rest import Json, Upload
from gateway.domain.conversations import Conversation
from gateway.domain.ids import PlatformMessageId
from gateway.text.discord import discord_length, to_discord
from gateway.text.split import Splitter, split_markdown

CONTENT_LIMIT = 2_000
"""Characters in one message ("Create Message", Discord's reference)."""
FILE_NAME = "answer.md"

_IN_THE_FILE = f"\n-# The answer goes on in {FILE_NAME}."
_GOES_ON = "\n…"
_NOTHING = "…"
"""Shown for a text of which Discord would show nothing, such as a lone comment."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one message shows."""

    text: str
    uploads: tuple[Upload, ...] = ()
    rows: tuple[Json, ...] = ()
    """Of buttons."""
    cards: tuple[Json, ...] = ()
    """Embeds. An edit without any leaves them as they are."""
    canvas: tuple[Json, ...] = ()
    """Components that say the text, and all else; nothing stands beside them."""
    instead: str | None = None
    """What an earlier try may say: the same with a remark below it, or a canvas in words."""

    def body(self, *, is_private: bool = False) -> Json:
        """Return it as Discord takes it. Nobody is ever pinged by an agent's words.

        Without buttons it says so: an edit takes those away that were there.
        """
        if self.canvas:
            flags = COMPONENTS_V2 | (EPHEMERAL if is_private else 0)
            shown = {"components": list(self.canvas), "flags": flags}
            return {**shown, "allowed_mentions": {"parse": []}}
        body: Json = {
            "content": self.text,
            "allowed_mentions": {"parse": []},
            "components": list(self.rows),
        }
        if self.uploads:
            named = enumerate(upload.name for upload in self.uploads)
            body["attachments"] = [{"id": str(number), "filename": name} for number, name in named]
        if self.cards:
            body["embeds"] = list(self.cards)
        if is_private:
            body["flags"] = EPHEMERAL
        return body


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message of ours is. Reads `<message>`, `<message>@<channel>` or `i<message>`."""

    message: str
    channel: str | None = None
    """When it is elsewhere than in its conversation."""
    is_of_an_interaction: bool = False
    """Whether it was posted over an interaction's token."""

    @property
    def id(self) -> PlatformMessageId:
        """The readable form; `Receipt.parse` reads it back."""
        mark = "i" if self.is_of_an_interaction else ""
        return PlatformMessageId(mark + self.message + (f"@{self.channel}" if self.channel else ""))

    @classmethod
    def parse(cls, readable: str) -> Receipt:
        """Read what `id` wrote."""
        message, _, channel = readable.removeprefix("i").partition("@")
        return cls(message, channel or None, readable.startswith("i"))


def channel_of(conversation: Conversation) -> str:
    """Return the id of the channel in which a conversation is held."""
    return conversation.thread or conversation.channel


def new_splitter() -> Splitter:
    """Return what cuts answers; it remembers what it settled while they grow."""
    return Splitter(CONTENT_LIMIT, discord_length)


def split_text(splitter: Splitter, text: str, max_parts: int) -> list[str]:
    """Cut into what one message holds each; what is over `max_parts` stays with the last."""
    pieces = [piece for piece in splitter.pieces(text) if piece.text]
    if len(pieces) <= max_parts:
        return [piece.text for piece in pieces]
    kept, over = pieces[: max_parts - 1], pieces[max_parts - 1 :]
    rest = over[0].opening + "".join(piece.body for piece in over)
    return [*(piece.text for piece in kept), rest.strip("\n")]


def content_of(text: str, rows: Sequence[Json] = (), uploads: Sequence[Upload] = ()) -> Content:
    """Render a whole text; one that is too long for a message goes on in a file."""
    rendered = to_discord(text).strip() or _NOTHING
    if _fits(rendered):
        return Content(rendered, tuple(uploads), tuple(rows))
    whole = Upload(FILE_NAME, text.encode(errors="replace"), "text/markdown")
    return Content(_beginning(text, _IN_THE_FILE), (whole, *uploads), tuple(rows))


def draft_of(text: str) -> Content:
    """Render a text that still grows; one that is too long shows its beginning."""
    rendered = to_discord(text).strip() or _NOTHING
    return Content(rendered if _fits(rendered) else _beginning(text, _GOES_ON))


def may_be_of(shown: str, content: Content, *, was_revised: bool) -> bool:
    """Whether a message that shows this may be an earlier try of `content`.

    A text that was revised may have been sent when it was shorter, so any
    beginning of it will do then.
    """
    if shown in (content.text, content.instead):
        return True
    bare = shown.rstrip("`*_~| \n…") if was_revised else ""
    return bool(bare) and content.text.startswith(bare)


def _beginning(text: str, ending: str) -> str:
    parts = split_markdown(text, CONTENT_LIMIT - len(ending) - 8, discord_length)
    return to_discord(parts[0]).strip() + ending


def _fits(rendered: str) -> bool:
    return len(rendered.encode("utf-16-le", "replace")) // 2 <= CONTENT_LIMIT
