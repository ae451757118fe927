"""Posting, changing and deleting messages, by people and the app, with the events that follow."""

from dataclasses import dataclass, field

from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Channel, Message, Stream, Workspace, with_block_ids
from tests.platforms.slack_server.wire import message_wire, thread_fields
from tests.platforms.slack_server.world import World


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is about to be posted."""

    user: str
    text: str
    blocks: list[Json] = field(default_factory=list[Json])
    attachments: list[Json] = field(default_factory=list[Json])
    thread_ts: str | None = None
    is_broadcast: bool = False
    metadata: Json | None = None
    files: list[str] = field(default_factory=list[str])
    ephemeral_for: str | None = None
    stream: Stream | None = None


def post(world: World, workspace: Workspace, channel: Channel, draft: Draft) -> Message:
    """Make the message visible and tell the app about it (about its own ones too)."""
    by_app = draft.user == workspace.bot.id
    now = world.now()
    message = Message(
        team=workspace.id,
        channel=channel.id,
        ts=workspace.new_ts(now),
        created_at=now,
        user=draft.user,
        text=draft.text,
        blocks=with_block_ids(draft.blocks),
        attachments=draft.attachments,
        thread_ts=draft.thread_ts,
        is_broadcast=draft.is_broadcast,
        bot_id=workspace.bot_id if by_app else None,
        client_msg_id=None if by_app or draft.files else workspace.new_client_msg_id(),
        subtype="file_share" if draft.files else None,
        metadata=draft.metadata,
        files=draft.files,
        ephemeral_for=draft.ephemeral_for,
        stream=draft.stream,
    )
    message.remember(now)
    channel.messages[message.ts] = message
    _join_thread(channel, message)
    if not message.ephemeral_for:
        _after_post(world, workspace, channel, message)
    world.pulse.beat()
    return message


def _join_thread(channel: Channel, message: Message) -> None:
    root = channel.messages.get(message.thread_ts or "")
    if root is not None and root.thread_ts is None and not message.ephemeral_for:
        root.thread_ts = root.ts


def _after_post(world: World, workspace: Workspace, channel: Channel, message: Message) -> None:
    if message.is_by_app and message.is_reply and message.thread_ts:
        workspace.statuses.pop((channel.id, message.thread_ts), None)
    if workspace.bot.id not in channel.members:
        return
    base = {
        **message_wire(workspace, message, with_metadata=True),
        **thread_fields(channel, message),
    }
    event: Json = {
        **base,
        "channel": channel.id,
        "event_ts": message.ts,
        "channel_type": channel.kind,
    }
    mention = (
        f"<@{workspace.bot.id}>" in message.text and not message.is_by_app and channel.kind != "im"
    )
    if mention:
        mentioned = {name: value for name, value in event.items() if name != "channel_type"}
        world.publish(workspace, {**mentioned, "type": "app_mention"})
    world.publish(workspace, event)


def edit(
    world: World,
    workspace: Workspace,
    message: Message,
    text: str,
    blocks: list[Json],
    *,
    shows_edited: bool = True,
) -> None:
    """Show something else from now on; the app hears of it as a hidden message_changed."""
    before = message_wire(workspace, message, with_metadata=True)
    message.text, message.blocks = text, with_block_ids(blocks)
    now = world.now()
    moment = workspace.new_ts(now)
    if shows_edited:
        message.edited_ts = moment
    message.remember(now)
    if not message.ephemeral_for:
        after = message_wire(workspace, message, with_metadata=True)
        change: Json = {"subtype": "message_changed", "message": after, "previous_message": before}
        _publish_hidden(world, workspace, message, moment, change)
    world.pulse.beat()


def delete(world: World, workspace: Workspace, message: Message) -> None:
    """Take the message off the screen; its revisions stay in the server's memory."""
    message.is_deleted = True
    if not message.ephemeral_for:
        before = message_wire(workspace, message, with_metadata=True)
        change: Json = {
            "subtype": "message_deleted",
            "deleted_ts": message.ts,
            "previous_message": before,
        }
        _publish_hidden(world, workspace, message, workspace.new_ts(world.now()), change)
    world.pulse.beat()


def _publish_hidden(
    world: World, workspace: Workspace, message: Message, moment: str, change: Json
) -> None:
    channel = workspace.channels[message.channel]
    if workspace.bot.id not in channel.members:
        return
    place: Json = {
        "channel": channel.id,
        "channel_type": channel.kind,
        "ts": moment,
        "event_ts": moment,
    }
    world.publish(workspace, {"type": "message", "hidden": True, **place, **change})


def writable_channel(workspace: Workspace, channel_id: object) -> Channel:
    """The channel, if the app may post there."""
    channel = workspace.channel(channel_id)
    if channel.is_archived:
        raise Refused("is_archived")
    if workspace.bot.id not in channel.members:
        raise Refused("not_in_channel")
    return channel
