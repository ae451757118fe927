"""What Discord sends, as far as we read it, checked once. Shapes: Discord's API reference, v10."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, StringConstraints

Snowflake = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]

_EPOCH_MS = 1_420_070_400_000
DM_TYPES = (1, 3)
THREAD_TYPES = (10, 11, 12)
EPHEMERAL = 1 << 6
"""The flag of an answer that only one person sees."""
COMPONENTS_V2 = 1 << 15
"""The flag of a message that is made of components alone, and stays so."""
SELECT = 3
"""The component type of a menu of texts."""


class User(BaseModel):
    """An account."""

    id: Snowflake
    username: str = ""
    global_name: str | None = None
    bot: bool = False


class Member(BaseModel):
    """An account in a guild. `user` is left out beside a message's author."""

    user: User | None = None
    nick: str | None = None
    roles: tuple[Snowflake, ...] | None = None
    """None where Discord leaves them out; the role that everybody has is never among them."""


class File(BaseModel):
    """An attachment."""

    filename: str
    size: int = 0
    content_type: str | None = None
    url: str = ""

    @property
    def plain_name(self) -> str:
        """Its name on one line."""
        return "".join(sign for sign in self.filename if sign.isprintable())[:80] or "file"

    @property
    def media_type(self) -> str | None:
        """Its type without parameters; None when Discord does not know one."""
        kind = (self.content_type or "").partition(";")[0].strip().lower()
        return kind if "/" in kind and kind.isascii() and kind.isprintable() else None


class Sticker(BaseModel):
    """A sticker sent with a message."""

    name: str


class Said(BaseModel):
    """The part of a forwarded message that is copied."""

    content: str = ""
    attachments: list[File] = []


class Snapshot(BaseModel):
    """A forwarded message."""

    message: Said


class Targeted(BaseModel):
    """A message that another one, or a command in its menu, is about."""

    author: User
    content: str = ""
    attachments: list[File] = []


class Referenced(Targeted):
    """The message that is replied to, as far as we read it."""

    channel_id: Snowflake | None = None


class Shown(BaseModel):
    """A component, as far as it has words."""

    content: str = ""
    components: list[Shown] = []

    @property
    def texts(self) -> list[str]:
        """Return the words in it, top to bottom."""
        inner = [text for each in self.components for text in each.texts]
        return [self.content, *inner] if self.content else inner


class Message(BaseModel):
    """A message from MESSAGE_CREATE or from history, which leaves out guild and member."""

    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | None = None
    type: int = 0
    flags: int = 0
    author: User
    member: Member | None = None
    content: str = ""
    timestamp: AwareDatetime
    edited_timestamp: AwareDatetime | None = None
    mentions: list[User] = []
    attachments: list[File] = []
    sticker_items: list[Sticker] = []
    message_snapshots: list[Snapshot] = []
    referenced_message: Referenced | None = None
    webhook_id: Snowflake | None = None
    nonce: str | int | None = None
    """Of the bot's own messages alone, and never in history."""
    components: list[Shown] = []

    @property
    def said(self) -> str:
        """Its text, or the words in its components where it is made of them."""
        texts = [text for each in self.components for text in each.texts]
        return "\n".join(texts) if self.flags & COMPONENTS_V2 else self.content


class Deletion(BaseModel):
    """MESSAGE_DELETE, or MESSAGE_DELETE_BULK with `ids`."""

    id: Snowflake | None = None
    ids: list[Snowflake] = []
    channel_id: Snowflake
    guild_id: Snowflake | None = None

    @property
    def targets(self) -> list[str]:
        """The messages that are gone."""
        return [self.id] if self.id is not None else list(self.ids)


class Emoji(BaseModel):
    """A Unicode emoji, or a custom one by id and name."""

    id: Snowflake | None = None
    name: str | None = None


class Reaction(BaseModel):
    """MESSAGE_REACTION_ADD."""

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | None = None
    member: Member | None = None
    emoji: Emoji
    message_author_id: Snowflake | None = None


class Channel(BaseModel):
    """A place, as far as it tells where it belongs."""

    id: Snowflake
    type: int
    guild_id: Snowflake | None = None
    parent_id: Snowflake | None = None


class Option(BaseModel):
    """One argument of a slash command."""

    name: str
    value: str | int | float | bool | None = None
    focused: bool = False
    """Whether it is being typed, and completions are asked for."""


class Field(BaseModel):
    """What somebody wrote into one field of a window."""

    custom_id: str = ""
    value: str = ""
    values: list[str] = []
    """What was chosen, where it is a menu."""

    @property
    def answer(self) -> str:
        """What was written or chosen."""
        return self.value or ", ".join(self.values)


class WindowPart(BaseModel):
    """A part of a window: a label with one field, or, as older clients send it, a row of them."""

    component: Field | None = None
    components: list[Field] = []

    @property
    def fields(self) -> list[Field]:
        """The fields in it."""
        return self.components if self.component is None else [self.component]


class Resolved(BaseModel):
    """What the ids in an interaction stand for."""

    messages: dict[Snowflake, Targeted] = {}


class InteractionData(BaseModel):
    """What was asked for: a command by name, a component or modal by its custom id."""

    type: int = 1
    """Of a command: 1 typed, 3 from the menu of a message."""
    name: str = ""
    options: list[Option] = []
    custom_id: str = ""
    component_type: int = 0
    values: list[str] = []
    """What was chosen in a menu."""
    components: list[WindowPart] = []
    target_id: Snowflake | None = None
    resolved: Resolved = Resolved()


class Pressed(BaseModel):
    """The message whose button was pressed, or in whose menu something was chosen."""

    flags: int = 0

    @property
    def is_ephemeral(self) -> bool:
        """Whether only who pressed it sees it."""
        return bool(self.flags & EPHEMERAL)


class Interaction(BaseModel):
    """INTERACTION_CREATE, or the body of POST /discord/interactions."""

    id: Snowflake
    application_id: Snowflake
    type: int
    token: str
    guild_id: Snowflake | None = None
    channel_id: Snowflake | None = None
    channel: Channel | None = None
    member: Member | None = None
    user: User | None = None
    data: InteractionData | None = None
    message: Pressed | None = None
    context: int | None = None
    """0 in a guild, 1 in the bot's DM, 2 in other private channels."""


class Ready(BaseModel):
    """READY, as far as it says whose the session is."""

    shard: tuple[int, int] = (0, 1)
    user: User


def moment_of(snowflake: str) -> float:
    """Return the moment, in seconds since 1970, that an id was made ("Snowflakes", reference)."""
    return ((int(snowflake) >> 22) + _EPOCH_MS) / 1000


def snowflake_at(moment: datetime) -> int:
    """Return the smallest id that could have been made at this moment."""
    return max(0, int(moment.timestamp() * 1000) - _EPOCH_MS) << 22
