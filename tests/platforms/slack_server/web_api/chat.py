"""chat.postMessage, update, delete, postEphemeral, getPermalink. Streams are in streams.py."""

from tests.platforms.slack_server.checks import (
    TEXT_HARD_CHARACTERS,
    UPDATE_TEXT_CHARACTERS,
    check_content,
    check_metadata,
)
from tests.platforms.slack_server.messages import Draft, delete, edit, post, writable_channel
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Channel, Message
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok
from tests.platforms.slack_server.wire import message_wire


def post_message(call: Call) -> Json:
    channel = target(call)
    draft = _draft(call, channel)
    was_cut = len(call.text("text") or "") > TEXT_HARD_CHARACTERS
    message = post(call.world, call.workspace, channel, draft)
    wire = message_wire(call.workspace, message, with_metadata=True)
    answer = ok(channel=channel.id, ts=message.ts, message=wire)
    if was_cut:
        answer |= {
            "warning": "message_truncated",
            "response_metadata": {"warnings": ["message_truncated"]},
        }
    return answer


def target(call: Call) -> Channel:
    """The channel to post in; a user's id means the DM with them."""
    wanted = call.text("channel") or ""
    user = call.workspace.users.get(wanted)
    if user is not None and not user.is_bot:
        return call.workspace.dm_with(user, call.world.now())
    return writable_channel(call.workspace, wanted)


def _draft(call: Call, channel: Channel) -> Draft:
    text, markdown = call.text("text"), call.text("markdown_text")
    blocks = call.objects("blocks", "invalid_blocks_format")
    attachments = call.objects("attachments", "invalid_attachments")
    check_content(text, markdown, blocks, attachments)
    return Draft(
        user=call.workspace.bot.id,
        text=(markdown or text or "")[:TEXT_HARD_CHARACTERS],
        blocks=blocks,
        attachments=attachments,
        thread_ts=thread_of(call, channel),
        is_broadcast=call.flag("reply_broadcast"),
        metadata=check_metadata(call.args.get("metadata")),
    )


def thread_of(call: Call, channel: Channel) -> str | None:
    """The root of the thread to answer in; a reply's ts stands for its root."""
    wanted = call.text("thread_ts")
    if not wanted:
        return None
    seconds, _, micros = wanted.partition(".")
    if not (seconds.isdigit() and micros.isdigit()):
        raise Refused("invalid_thread_ts")
    root = channel.messages.get(wanted)
    return (root.thread_ts or root.ts) if root else wanted


def update(call: Call) -> Json:
    channel = writable_channel(call.workspace, call.text("channel"))
    message = own_message(call, channel, "cant_update_message")
    if message.stream and not message.stream.is_stopped:
        raise Refused("streaming_state_conflict")
    text, markdown = call.text("text"), call.text("markdown_text")
    if text and len(text) > UPDATE_TEXT_CHARACTERS:
        raise Refused("msg_too_long")
    blocks = call.objects("blocks", "invalid_blocks_format")
    check_content(text, markdown, blocks, call.objects("attachments", "invalid_attachments"))
    metadata = check_metadata(call.args.get("metadata"))
    if metadata is not None:
        message.metadata = metadata
    new_text = markdown or text or message.text
    edit(call.world, call.workspace, message, new_text, blocks, shows_edited=not blocks)
    wire = message_wire(call.workspace, message, with_metadata=True)
    return ok(channel=channel.id, ts=message.ts, text=message.text, message=wire)


def own_message(call: Call, channel: Channel, code: str) -> Message:
    message = channel.message(call.required("ts"))
    if message.bot_id != call.workspace.bot_id:
        raise Refused(code)
    return message


def delete_message(call: Call) -> Json:
    channel = writable_channel(call.workspace, call.text("channel"))
    message = own_message(call, channel, "cant_delete_message")
    delete(call.world, call.workspace, message)
    return ok(channel=channel.id, ts=message.ts)


def post_ephemeral(call: Call) -> Json:
    channel = writable_channel(call.workspace, call.text("channel"))
    user = call.user()
    if user.id not in channel.members:
        raise Refused("user_not_in_channel")
    draft = _draft(call, channel)
    message = post(
        call.world,
        call.workspace,
        channel,
        Draft(
            draft.user, draft.text, draft.blocks, thread_ts=draft.thread_ts, ephemeral_for=user.id
        ),
    )
    return ok(message_ts=message.ts)


def get_permalink(call: Call) -> Json:
    channel = call.workspace.channel(call.text("channel"))
    message = channel.message(call.required("message_ts"))
    link = f"{call.world.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return ok(channel=channel.id, permalink=link)


METHODS: Methods = {
    "chat.postMessage": Method(post_message, ("chat:write",)),
    "chat.update": Method(update, ("chat:write",)),
    "chat.delete": Method(delete_message, ("chat:write",)),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",)),
    "chat.getPermalink": Method(get_permalink),
}
