"""What exists in this Slack: workspaces, people, channels, messages, files, views."""

from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json


@dataclass(slots=True, frozen=True)
class Revision:
    """What a message showed from one moment on."""

    text: str
    at: float  # seconds, by the Slack's clock


@dataclass(slots=True)
class Stream:
    """A message that is still being written with chat.appendStream."""

    started_at: float
    touched_at: float
    is_stopped: bool = False
    tasks: dict[str, Json] = field(default_factory=dict[str, Json])
    blocks: list[Json] = field(default_factory=list[Json])  # from chunks; shown when it stops


@dataclass(slots=True)
class Message:
    """One message, from its first text to its deletion; nothing that was shown is forgotten."""

    team: str
    channel: str
    ts: str
    user: str
    text: str
    created_at: float
    blocks: list[Json] = field(default_factory=list[Json])
    attachments: list[Json] = field(default_factory=list[Json])
    thread_ts: str | None = None
    is_broadcast: bool = False
    bot_id: str | None = None
    client_msg_id: str | None = None
    subtype: str | None = None
    metadata: Json | None = None
    files: list[str] = field(default_factory=list[str])
    ephemeral_for: str | None = None
    edited_ts: str | None = None
    is_deleted: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    stream: Stream | None = None
    revisions: list[Revision] = field(default_factory=list[Revision])

    @property
    def is_by_app(self) -> bool:
        return self.bot_id is not None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def shown(self) -> str:
        """The text on the screen: that of the blocks when there are any, as in Slack's clients."""
        return "\n".join(filter(None, map(block_text, self.blocks))) if self.blocks else self.text

    def remember(self, at: float) -> None:
        """Keep what the message shows now as a revision."""
        self.revisions.append(Revision(self.shown, at))


def with_block_ids(blocks: list[Json]) -> list[Json]:
    """Blocks as Slack keeps them: those without a name get one."""
    return [{"block_id": f"blk{index}", **block} for index, block in enumerate(blocks)]


def block_text(block: Json) -> str:
    """The readable text of a block; buttons show as `[label]`."""
    match block.get("type"):
        case "section":
            parts = [block.get("text"), *block.get("fields", [])]
            return "\n".join(part["text"] for part in parts if part)
        case "header":
            return block["text"]["text"]
        case "markdown":
            return block["text"]
        case "context":
            return " ".join(element["text"] for element in block["elements"] if "text" in element)
        case "actions":
            return " ".join(
                f"[{e['text']['text']}]" for e in block["elements"] if e.get("type") == "button"
            )
        case "task_card" | "plan":
            return str(block.get("title", ""))
        case _:
            return ""


@dataclass(slots=True)
class User:
    id: str
    name: str
    tz: str = "Europe/London"
    is_bot: bool = False
    bot_id: str | None = None


@dataclass(slots=True)
class Channel:
    """A channel, private group or DM with its messages in order of time."""

    id: str
    name: str
    kind: str  # channel, group, im or mpim, as in `channel_type`
    created_at: float
    members: list[str] = field(default_factory=list[str])
    is_archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict[str, Message])

    def message(self, ts: str) -> Message:
        found = self.messages.get(ts)
        if found is None or found.is_deleted or found.ephemeral_for:
            raise Refused("message_not_found")
        return found

    def replies(self, thread_ts: str) -> list[Message]:
        return [
            message
            for message in self.messages.values()
            if message.is_reply and message.thread_ts == thread_ts
        ]


@dataclass(slots=True)
class File:
    id: str
    team: str
    name: str
    user: str
    created_at: float
    base_url: str
    data: bytes | None = None  # None until the upload has arrived
    title: str = ""
    mimetype: str = "application/octet-stream"
    subtype: str | None = None  # of a clip that was recorded in Slack
    declared_bytes: int = 0
    shares: dict[str, list[str]] = field(
        default_factory=dict[str, list[str]]
    )  # channel -> message ts
    is_complete: bool = False


@dataclass(slots=True)
class View:
    """A modal or a Home tab as one person sees it."""

    id: str
    user: str
    kind: str
    content: Json
    root_id: str
    previous_id: str | None = None
    version: int = 1
    is_open: bool = True

    @property
    def hash(self) -> str:
        return f"{self.version}.{self.id}"


class Workspace:
    """One team. Ids count from 1 in each, so the same user id is somebody else in the next one."""

    def __init__(self, number: int, name: str, app_id: str) -> None:
        self.id = f"T{number:08d}"
        self.name = name
        self.app_id = app_id
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.statuses: dict[
            tuple[str, str], tuple[str, float]
        ] = {}  # (channel, thread) -> text, moment
        self.usergroups: dict[str, set[str]] = {}  # by the usergroup's id, its members
        self.thread_titles: dict[tuple[str, str], str] = {}
        self.suggested_prompts: dict[tuple[str, str], list[Json]] = {}
        self._dms: dict[str, Channel] = {}  # by the other person's id
        self._names: dict[str, User] = {}
        self._ids = count(1)
        self._last_micros = 0
        bot_id = self.new_id("B")
        self.bot = self.add_user("postern", bot_id=bot_id)
        self.bot_id = bot_id

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._ids):08d}"

    def new_ts(self, now: float) -> str:
        """A message's name and moment; never given twice in this workspace."""
        self._last_micros = max(int(now * 1_000_000), self._last_micros + 1)
        seconds, micros = divmod(self._last_micros, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def add_user(self, name: str, bot_id: str | None = None) -> User:
        user = User(self.new_id("U"), name, is_bot=bot_id is not None, bot_id=bot_id)
        self.users[user.id] = user
        self._names[name] = user
        return user

    def user_named(self, name: str) -> User | None:
        return self._names.get(name)

    def channel_named(self, name: str) -> Channel | None:
        return next((channel for channel in self.channels.values() if channel.name == name), None)

    def add_channel(self, name: str, kind: str, members: list[str], now: float) -> Channel:
        prefix = {"channel": "C", "im": "D"}.get(kind, "G")
        channel = Channel(self.new_id(prefix), name, kind, now, members)
        self.channels[channel.id] = channel
        return channel

    def dm_with(self, user: User, now: float) -> Channel:
        if user.id not in self._dms:
            self._dms[user.id] = self.add_channel("", "im", [user.id, self.bot.id], now)
        return self._dms[user.id]

    def channel(self, channel_id: object) -> Channel:
        found = self.channels.get(channel_id) if isinstance(channel_id, str) else None
        if found is None or (found.kind != "channel" and self.bot.id not in found.members):
            raise Refused("channel_not_found")
        return found

    def new_client_msg_id(self) -> str:
        return str(uuid4())
