"""The world: users, guilds, channels, messages. Changes it and tells the listeners.

Knows no HTTP and no websocket; what a bot may do is decided in `permissions` and `rest`.
"""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.platforms.discord_server.announcer import Announcer
from tests.platforms.discord_server.errors import refuse
from tests.platforms.discord_server.events import Intent
from tests.platforms.discord_server.records import (
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Interaction,
    Mentions,
    Message,
    MessageFlag,
    MessageKind,
    Revision,
    User,
    Webhook,
)
from tests.platforms.discord_server.settings import ServerSettings
from tests.platforms.discord_server.wire import Json, Snowflakes


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in."""

    filename: str
    data: bytes
    content_type: str = "application/octet-stream"
    description: str | None = None
    duration_secs: float | None = None
    """Of a voice message alone, as the picture of its sound."""
    waveform: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message about to be posted."""

    author: User
    content: str
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    uploads: tuple[Upload, ...] = ()
    kind: MessageKind = MessageKind.DEFAULT
    flags: int = 0
    nonce: str | int | None = None
    mentions: Mentions = field(default_factory=Mentions)
    reference: Message | None = None
    webhook_id: int | None = None
    interaction: Interaction | None = None
    visible_to: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit sets; None leaves a part as it was."""

    content: str | None = None
    embeds: tuple[Json, ...] | None = None
    components: tuple[Json, ...] | None = None
    kept_attachments: tuple[int, ...] | None = None
    uploads: tuple[Upload, ...] = ()
    flags: int | None = None
    mentions: Mentions | None = None


class World:
    """Everything that exists on this Discord. All methods are plain and immediate."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.clock = settings.clock
        self.ids = Snowflakes()
        self.base_url = "http://127.0.0.1"
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.attachments: dict[int, Attachment] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.dms: dict[int, Channel] = {}
        self.announce = Announcer(self)
        self.bot = self.add_user(settings.bot_name, bot=True)
        self.owner = self.add_user("owner")

    @property
    def application_id(self) -> int:
        """A bot's application has its user's id."""
        return self.bot.id

    def now(self) -> float:
        return self.clock.now()

    def new_id(self) -> int:
        return self.ids.next_at(self.now())

    # People and places

    def add_user(self, name: str, *, bot: bool = False) -> User:
        user = User(self.new_id(), name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, *, shard: int = 0) -> Guild:
        """Found a guild with the bot in it, on the shard asked for."""
        identifier = self.ids.next_on_shard(self.now(), shard, self.settings.shards)
        guild = Guild(identifier, name, self.owner.id, self.now())
        guild.member_ids += [self.owner.id, self.bot.id]
        self.guilds[guild.id] = guild
        self.announce.guild(guild)
        return guild

    def add_channel(self, guild: Guild, name: str) -> Channel:
        channel = Channel(self.new_id(), ChannelKind.TEXT, name, guild.id)
        channel.created_at = self.now()
        self.channels[channel.id] = channel
        guild.channel_ids.append(channel.id)
        self.announce.channel("CHANNEL_CREATE", channel)
        return channel

    def add_thread(
        self, parent: Channel, name: str, owner: User, kind: ChannelKind, start: Message | None
    ) -> Channel:
        """Open a thread; one that starts from a message has that message's id."""
        identifier = start.id if start else self.new_id()
        thread = Channel(identifier, kind, name, parent.guild_id, parent.id)
        thread.owner_id, thread.created_at = owner.id, self.now()
        self.channels[thread.id] = thread
        if start:
            start.thread_id, start.flags = thread.id, start.flags | MessageFlag.HAS_THREAD
        self.announce.channel("THREAD_CREATE", thread)
        if start:
            self.announce.message("MESSAGE_UPDATE", start)
        return thread

    def remove_channel(self, channel: Channel) -> None:
        """Take a place away; who asks for it again gets 10003."""
        del self.channels[channel.id]
        guild = self.guilds.get(channel.guild_id or 0)
        if guild is not None and channel.id in guild.channel_ids:
            guild.channel_ids.remove(channel.id)
        self.announce.channel("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", channel)

    def dm_with(self, user: User) -> Channel:
        """Give the one DM channel between the bot and a person."""
        channel = self.dms.get(user.id)
        if channel is None:
            channel = Channel(self.new_id(), ChannelKind.DM, user.name, recipient=user)
            self.dms[user.id] = self.channels[channel.id] = channel
        return channel

    # Looking up; each raises the refusal that a client would get

    def channel(self, identifier: int) -> Channel:
        channel = self.channels.get(identifier)
        if channel is None:
            raise refuse(10003)
        return channel

    def message(self, channel: Channel, identifier: int) -> Message:
        """Find a message that everybody in the channel can see."""
        message = self.messages.get(identifier)
        if message is None or message.channel_id != channel.id:
            raise refuse(10008)
        if message.is_deleted or message.is_ephemeral:
            raise refuse(10008)
        return message

    def user(self, identifier: int) -> User:
        user = self.users.get(identifier)
        if user is None:
            raise refuse(10013)
        return user

    def guild(self, identifier: int) -> Guild:
        guild = self.guilds.get(identifier)
        if guild is None:
            raise refuse(10004)
        return guild

    # Messages

    def post(self, channel: Channel, draft: Draft) -> Message:
        """Put a message into a channel and tell everybody who may see it."""
        now = self.now()
        files = tuple(self._store(channel, upload) for upload in draft.uploads)
        first = Revision(draft.content, now, draft.embeds, draft.components, files)
        message = Message(self.new_id(), channel.id, channel.guild_id, draft.author, [first])
        message.kind, message.flags, message.nonce = draft.kind, draft.flags, draft.nonce
        message.mentions, message.reference = draft.mentions, draft.reference
        message.webhook_id, message.interaction = draft.webhook_id, draft.interaction
        message.visible_to = draft.visible_to
        self.messages[message.id] = message
        channel.messages.append(message)
        self.announce.message("MESSAGE_CREATE", message)
        return message

    def edit(self, message: Message, change: Change) -> None:
        """Add a revision, or fill the "thinking" placeholder, which nobody has read."""
        last = message.revisions[-1]
        channel = self.channels[message.channel_id]
        files = last.attachments
        if change.kept_attachments is not None:
            files = tuple(file for file in files if file.id in change.kept_attachments)
        files += tuple(self._store(channel, upload) for upload in change.uploads)
        revision = replace(
            last,
            at=self.now(),
            content=last.content if change.content is None else change.content,
            embeds=last.embeds if change.embeds is None else change.embeds,
            components=last.components if change.components is None else change.components,
            attachments=files,
        )
        if message.is_loading:
            message.flags &= ~MessageFlag.LOADING
            message.revisions[-1] = revision
        else:
            message.revisions.append(revision)
        if change.flags is not None:
            settable = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.COMPONENTS_V2
            message.flags = message.flags & ~settable | change.flags & settable
        if change.mentions is not None:
            message.mentions = change.mentions
        self.announce.message("MESSAGE_UPDATE", message)

    def delete(self, message: Message) -> None:
        message.deleted_at = self.now()
        if message.is_ephemeral:
            return
        data: Json = {"id": str(message.id), "channel_id": str(message.channel_id)}
        self.announce.about(message, "MESSAGE_DELETE", data, "MESSAGES")

    def react(self, message: Message, user: User, emoji: str) -> None:
        users = message.reactions.setdefault(emoji, [])
        if user.id in users:
            return
        users.append(user.id)
        self.announce.reaction("MESSAGE_REACTION_ADD", message, user, emoji)

    def unreact(self, message: Message, user: User, emoji: str) -> None:
        users = message.reactions.get(emoji, [])
        if user.id not in users:
            return
        users.remove(user.id)
        if not users:
            del message.reactions[emoji]
        self.announce.reaction("MESSAGE_REACTION_REMOVE", message, user, emoji)

    def start_typing(self, channel: Channel, user: User) -> None:
        channel.typing.append((user.id, self.now()))
        data: Json = {
            "channel_id": str(channel.id),
            "user_id": str(user.id),
            "timestamp": int(self.now()),
        }
        intent = Intent.DM_TYPING if channel.is_dm else Intent.GUILD_TYPING
        self.announce.within(channel, "TYPING_START", data, intent)

    def history(
        self, channel: Channel, *, after: int = 0, before: int | None = None
    ) -> Sequence[Message]:
        """Give what everybody can see between two ids, oldest first, both ends left out."""
        first = bisect.bisect_right(channel.messages, after, key=lambda m: m.id)
        stop = len(channel.messages)
        if before is not None:
            stop = bisect.bisect_left(channel.messages, before, key=lambda m: m.id)
        found = channel.messages[first:stop]
        return [m for m in found if not m.is_deleted and not m.is_ephemeral]

    def _store(self, channel: Channel, upload: Upload) -> Attachment:
        record = Attachment(
            self.new_id(),
            channel.id,
            upload.filename,
            upload.data,
            upload.content_type,
            upload.description,
            self.now(),
            upload.duration_secs,
            upload.waveform,
        )
        self.attachments[record.id] = record
        return record
