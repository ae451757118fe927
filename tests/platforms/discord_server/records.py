"""What the server remembers: people, places, messages with every revision, interactions."""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from tests.platforms.discord_server.wire import Json


class ChannelKind(IntEnum):
    TEXT = 0
    DM = 1
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12


class MessageKind(IntEnum):
    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT_COMMAND = 20


class MessageFlag(IntFlag):
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_VOICE_MESSAGE = 1 << 13
    COMPONENTS_V2 = 1 << 15


class Permission(IntFlag):
    MANAGE_CHANNELS = 1 << 4
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38


EVERYTHING = sum(Permission)


@dataclass(slots=True)
class User:
    id: int
    name: str
    bot: bool = False
    allows_dms: bool = True
    """False: the bot's messages to this person's DM are refused with 50007."""


@dataclass(slots=True)
class Guild:
    id: int
    name: str
    owner_id: int
    created_at: float
    member_ids: list[int] = field(default_factory=list[int])
    channel_ids: list[int] = field(default_factory=list[int])
    roles: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    """By user, the roles that a member has beside the one of everybody."""


@dataclass(frozen=True, slots=True)
class Attachment:
    id: int
    channel_id: int
    filename: str
    data: bytes
    content_type: str
    description: str | None
    created_at: float
    duration_secs: float | None = None
    waveform: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """What a message said from one moment on."""

    content: str
    at: float
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a message pings once allowed_mentions has had its say."""

    user_ids: tuple[int, ...] = ()
    role_ids: tuple[int, ...] = ()
    everyone: bool = False


@dataclass(slots=True)
class Message:
    id: int
    channel_id: int
    guild_id: int | None
    author: User
    revisions: list[Revision]
    kind: MessageKind = MessageKind.DEFAULT
    flags: int = 0
    nonce: str | int | None = None
    mentions: Mentions = field(default_factory=Mentions)
    reference: "Message | None" = None
    webhook_id: int | None = None
    interaction: "Interaction | None" = None
    visible_to: int | None = None
    """The one user who sees an ephemeral message; None: everybody in the channel."""

    reactions: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    deleted_at: float | None = None
    thread_id: int | None = None

    @property
    def content(self) -> str:
        return self.revisions[-1].content

    @property
    def texts(self) -> list[str]:
        """Every text this message ever showed, oldest first."""
        return [revision.content for revision in self.revisions]

    @property
    def created_at(self) -> float:
        return self.revisions[0].at

    @property
    def edited_at(self) -> float | None:
        return self.revisions[-1].at if len(self.revisions) > 1 else None

    @property
    def is_loading(self) -> bool:
        """Whether people see "… is thinking" in its place."""
        return bool(self.flags & MessageFlag.LOADING)

    @property
    def is_ephemeral(self) -> bool:
        return self.visible_to is not None

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None


@dataclass(slots=True)
class Channel:
    id: int
    kind: ChannelKind
    name: str
    guild_id: int | None = None
    parent_id: int | None = None
    recipient: User | None = None
    owner_id: int | None = None
    created_at: float = 0.0
    denied: int = 0
    """Permissions taken from the bot here, as bits of `Permission`."""

    is_archived: bool = False
    is_locked: bool = False
    messages: list[Message] = field(default_factory=list[Message])
    """In order of id; deleted and ephemeral ones stay, marked."""

    typing: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    """Who started typing, and when."""

    @property
    def is_dm(self) -> bool:
        return self.kind is ChannelKind.DM

    @property
    def is_thread(self) -> bool:
        return self.kind in (ChannelKind.PUBLIC_THREAD, ChannelKind.PRIVATE_THREAD)


@dataclass(slots=True)
class Webhook:
    id: int
    token: str
    channel_id: int
    guild_id: int | None
    name: str
    creator: User


@dataclass(slots=True)
class Interaction:
    """One slash command, button press or modal, and how far the app got with it."""

    id: int
    token: str
    type: int
    """2 command, 3 component, 4 autocomplete, 5 modal submit."""

    user: User
    channel: Channel
    data: Json
    created_at: float
    source: Message | None = None
    """The message whose component was pressed."""

    callback_type: int | None = None
    """Type of the one callback that was accepted; None: not answered."""

    answered_at: float | None = None
    original: Message | None = None
    """The message that @original means."""

    followups: list[Message] = field(default_factory=list[Message])
    modal: Json | None = None
    choices: list[Json] | None = None
    failures: list[Json] = field(default_factory=list[Json])
    """Answers over HTTP that were refused, as Discord's error JSON."""

    @property
    def is_answered(self) -> bool:
        return self.callback_type is not None

    @property
    def texts(self) -> list[str]:
        """What the person reads as the answer now: the original, then follow-ups."""
        answers = [self.original, *self.followups] if self.original else self.followups
        return [m.content for m in answers if m and not m.is_deleted and not m.is_loading]
