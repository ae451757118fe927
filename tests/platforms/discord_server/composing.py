"""Turns a request to post or edit into a `Draft` or `Change`: bodies, files, mentions."""

from dataclasses import replace
from typing import cast

from tests.platforms.discord_server.errors import bad_field, refuse
from tests.platforms.discord_server.forms import Form
from tests.platforms.discord_server.message_forms import EDIT_FORM, Body, find_mentions, read_body
from tests.platforms.discord_server.records import Message, MessageFlag, MessageKind, User
from tests.platforms.discord_server.requests import Call
from tests.platforms.discord_server.state import Change, Draft, Upload, World
from tests.platforms.discord_server.wire import Json


def json_body(body: object) -> Json:
    """Give the body as an object; raises 50035 when it is something else."""
    if not isinstance(body, dict):
        raise bad_field(("_body",), "DICT_TYPE_CONVERT", "Only dictionaries may be used here.")
    return cast(Json, body)


def read_draft(world: World, data: Json, uploads: dict[int, Upload], form: Form) -> Draft:
    """Check a new message's body and files; the author is the bot until replaced."""
    return draft_from(world, read_body(data, form), uploads)


def draft_from(world: World, body: Body, uploads: dict[int, Upload]) -> Draft:
    files = described_uploads(world, body, uploads)
    body.require_something(len(files))
    return Draft(
        author=world.bot,
        content=body.content or "",
        embeds=body.embeds or (),
        components=body.components or (),
        uploads=files,
        flags=body.flags,
        nonce=body.nonce,
        mentions=find_mentions(body.content or "", body.allowed_mentions, world.users),
    )


def with_reference(world: World, channel_id: int, draft: Draft, body: Body) -> Draft:
    """Make a reply of a draft whose body names a message; raises 50035 for an unknown one."""
    if body.reference is None:
        return draft
    target = world.messages.get(int(body.reference["message_id"]))
    place = int(body.reference.get("channel_id") or channel_id)
    is_there = target is not None and target.channel_id == place and not target.is_deleted
    if not is_there and body.reference.get("fail_if_not_exists") is False:
        return draft
    if target is None or not is_there:
        raise bad_field(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    mentions = find_mentions(draft.content, body.allowed_mentions, world.users, target.author.id)
    return replace(draft, kind=MessageKind.REPLY, reference=target, mentions=mentions)


def read_change(world: World, message: Message, data: Json, uploads: dict[int, Upload]) -> Change:
    """Check an edit; raises 50006 when nothing would be left to see."""
    body = read_body(data, EDIT_FORM)
    files = described_uploads(world, body, uploads)
    kept = None
    if body.attachments is not None:
        kept = tuple(int(one["id"]) for one in body.attachments if int(one["id"]) not in uploads)
    _refuse_emptying(message, body, kept, len(files))
    mentions = None
    if body.content is not None:
        mentions = find_mentions(body.content, body.allowed_mentions, world.users)
    return Change(
        content=body.content,
        embeds=body.embeds,
        components=body.components,
        kept_attachments=kept,
        uploads=files,
        flags=body.flags if "flags" in data else None,
        mentions=mentions,
    )


def _refuse_emptying(
    message: Message, body: Body, kept: tuple[int, ...] | None, file_count: int
) -> None:
    last = message.revisions[-1]
    remaining = last.attachments if kept is None else kept
    parts = (
        last.content if body.content is None else body.content,
        last.embeds if body.embeds is None else body.embeds,
        last.components if body.components is None else body.components,
        remaining,
        file_count,
    )
    if not any(parts):
        raise refuse(50006)


def described_uploads(world: World, body: Body, uploads: dict[int, Upload]) -> tuple[Upload, ...]:
    """Join files with what `attachments` says of them; raises 40005 for one too large."""
    if any(len(one.data) > world.settings.file_limit_bytes for one in uploads.values()):
        raise refuse(40005)
    named = {int(one["id"]): one for one in body.attachments or ()}
    described: list[Upload] = []
    for number, upload in sorted(uploads.items()):
        about = named.get(number, {})
        name = about.get("filename") or upload.filename
        described.append(replace(upload, filename=name, description=about.get("description")))
    return tuple(described)


def visible_flags(flags: int) -> int:
    """Keep the flags that a sender may set on a message of a channel."""
    allowed = MessageFlag.SUPPRESS_EMBEDS | MessageFlag.COMPONENTS_V2
    return flags & (allowed | MessageFlag.SUPPRESS_NOTIFICATIONS)


def draft_of_person(
    world: World, author: User, text: str, uploads: tuple[Upload, ...], reply_to: Message | None
) -> Draft:
    """Make what a person typed; people ping whom they name, and whom they reply to."""
    replied = None if reply_to is None else reply_to.author.id
    return Draft(
        author,
        text,
        uploads=uploads,
        kind=MessageKind.DEFAULT if reply_to is None else MessageKind.REPLY,
        reference=reply_to,
        mentions=find_mentions(text, None, world.users, replied),
    )


def body_of(call: Call) -> Json:
    return json_body(call.body)
