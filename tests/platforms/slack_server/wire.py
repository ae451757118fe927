"""How users, channels, messages, files and views look on the wire. Pure."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Channel, File, Message, User, View, Workspace

_MENTION = re.compile(r"<@([UW][A-Z0-9]+)>")


def user_wire(workspace: Workspace, user: User) -> Json:
    return {
        "id": user.id,
        "team_id": workspace.id,
        "name": user.name,
        "deleted": False,
        "real_name": user.name.title(),
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": 0,
        "profile": {
            "real_name": user.name.title(),
            "real_name_normalized": user.name.title(),
            "display_name": user.name,
            "display_name_normalized": user.name,
            "title": "",
            "team": workspace.id,
            **({"bot_id": user.bot_id, "api_app_id": workspace.app_id} if user.bot_id else {}),
        },
        "is_admin": False,
        "is_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }


def bot_wire(workspace: Workspace) -> Json:
    return {
        "id": workspace.bot_id,
        "deleted": False,
        "name": workspace.bot.name,
        "updated": 1_700_000_000,
        "app_id": workspace.app_id,
        "user_id": workspace.bot.id,
        "icons": {f"image_{size}": f"https://avatars.invalid/{size}.png" for size in (36, 48, 72)},
    }


def channel_wire(workspace: Workspace, channel: Channel) -> Json:
    common: Json = {
        "id": channel.id,
        "created": int(channel.created_at),
        "is_archived": channel.is_archived,
        "is_im": channel.kind == "im",
        "is_org_shared": False,
        "context_team_id": workspace.id,
        "updated": int(channel.created_at * 1000),
    }
    if channel.kind == "im":
        other = next((member for member in channel.members if member != workspace.bot.id), "")
        return {**common, "user": other, "priority": 0}
    return {
        **common,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_general": False,
        "is_shared": False,
        "is_ext_shared": False,
        "is_member": workspace.bot.id in channel.members,
        "creator": channel.members[0] if channel.members else "",
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(channel.members),
        "shared_team_ids": [workspace.id],
    }


def rich_text(text: str, ts: str) -> Json:
    """The block that Slack builds for a plain text, with mentions as elements of their own."""
    elements: list[Json] = []
    for index, part in enumerate(_MENTION.split(text)):
        if part:
            elements.append(
                {"type": "user", "user_id": part} if index % 2 else {"type": "text", "text": part}
            )
    section: Json = {"type": "rich_text_section", "elements": elements}
    return {"type": "rich_text", "block_id": f"b{ts[-6:]}", "elements": [section]}


def message_wire(workspace: Workspace, message: Message, *, with_metadata: bool = False) -> Json:
    wire: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": workspace.id,
        "blocks": message.blocks or ([rich_text(message.text, message.ts)] if message.text else []),
    }
    optional: Json = {
        "subtype": message.subtype,
        "client_msg_id": message.client_msg_id,
        "thread_ts": message.thread_ts,
        "attachments": message.attachments,
        "metadata": message.metadata if with_metadata else None,
        "edited": {"user": message.user, "ts": message.edited_ts} if message.edited_ts else None,
        "reactions": [
            {"name": name, "users": users, "count": len(users)}
            for name, users in message.reactions.items()
        ],
    }
    wire.update({name: value for name, value in optional.items() if value})
    if message.bot_id:
        bot = bot_wire(workspace)
        wire |= {"bot_id": message.bot_id, "app_id": workspace.app_id}
        wire["bot_profile"] = {**bot, "team_id": workspace.id}
    if message.files:
        wire["files"] = [file_wire(workspace.files[file_id]) for file_id in message.files]
        wire |= {"upload": False, "display_as_bot": False}
        del wire["team"]
    if message.stream and not message.stream.is_stopped:
        wire["streaming_state"] = "in_progress"
    return wire


def thread_fields(channel: Channel, message: Message) -> Json:
    """What history adds to a message that is in a thread."""
    if message.thread_ts is None:
        return {}
    if message.is_reply:
        root = channel.messages.get(message.thread_ts)
        return {"parent_user_id": root.user} if root else {}
    replies = [
        reply
        for reply in channel.replies(message.ts)
        if not reply.is_deleted and not reply.ephemeral_for
    ]
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "reply_users": users,
        "latest_reply": replies[-1].ts,
        "subscribed": False,
        "is_locked": False,
    }


def file_wire(file: File) -> Json:
    private = f"{file.base_url}/files-pri/{file.team}-{file.id}"
    return {
        "id": file.id,
        "created": int(file.created_at),
        "timestamp": int(file.created_at),
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        **({} if file.subtype is None else {"subtype": file.subtype, "duration_ms": 1_300}),
        "filetype": file.name.rpartition(".")[2] or "binary",
        "pretty_type": file.mimetype,
        "user": file.user,
        "user_team": file.team,
        "editable": False,
        "size": len(file.data or b""),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": False,
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{private}/{file.name}",
        "url_private_download": f"{private}/download/{file.name}",
        "permalink": f"{file.base_url}/files/{file.user}/{file.id}/{file.name}",
        "shares": {
            "private": {
                channel: [{"ts": ts} for ts in all_ts] for channel, all_ts in file.shares.items()
            }
        },
        "has_more_shares": False,
        "has_rich_preview": False,
        "file_access": "visible",
        "media_display_type": "unknown",
    }


def shared_file_wire(file: File) -> Json:
    """A file as the files.* methods give it: with the places where it was shared."""
    return {
        **file_wire(file),
        "channels": [channel for channel in file.shares if channel.startswith("C")],
        "groups": [channel for channel in file.shares if channel.startswith("G")],
        "ims": [channel for channel in file.shares if channel.startswith("D")],
    }


def view_wire(workspace: Workspace, view: View, state: Json | None = None) -> Json:
    shown = {name: value for name, value in view.content.items() if name != "hash"}
    return {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        **shown,
        "id": view.id,
        "team_id": workspace.id,
        "type": view.kind,
        "state": {"values": state or {}},
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "app_id": workspace.app_id,
        "app_installed_team_id": workspace.id,
        "bot_id": workspace.bot_id,
    }


def to_cursor(ts: str) -> str:
    return urlsafe_b64encode(f"next_ts:{ts}".encode()).decode()


def from_cursor(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor.encode()).decode().removeprefix("next_ts:")
    except ValueError as error:
        raise Refused("invalid_cursor") from error
