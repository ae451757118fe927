"""chat.startStream, appendStream, stopStream: messages that grow, and die when nobody feeds them.

Source: docs.slack.dev/reference/methods/chat.startStream and its siblings.
"""

from tests.platforms.slack_server.checks import (
    MARKDOWN_CHARACTERS,
    MESSAGE_BLOCKS,
    check_blocks,
    check_metadata,
)
from tests.platforms.slack_server.messages import Draft, edit, post, writable_channel
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json, is_list
from tests.platforms.slack_server.state import Channel, Message, Stream
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok
from tests.platforms.slack_server.web_api.chat import thread_of
from tests.platforms.slack_server.wire import message_wire

# The text field that each type of chunk must have.
_CHUNK_FIELDS = {"markdown_text": "text", "task_update": "id", "plan_update": "title"}


def start(call: Call) -> Json:
    channel = writable_channel(call.workspace, call.text("channel"))
    thread_ts = _stream_thread(call, channel)
    text, chunks = _written(call)
    now = call.world.now()
    stream = Stream(now, now)
    draft = Draft(call.workspace.bot.id, text, thread_ts=thread_ts, stream=stream)
    _keep(stream, chunks)
    message = post(call.world, call.workspace, channel, draft)
    return ok(channel=channel.id, ts=message.ts)


def _stream_thread(call: Call, channel: Channel) -> str | None:
    """In a DM a stream answers a message; in a channel it is written for one person."""
    thread_ts = thread_of(call, channel)
    if channel.kind == "im" and thread_ts is None:
        raise Refused(
            "invalid_arguments", "missing required field: thread_ts [json-pointer:/thread_ts]"
        )
    if thread_ts is not None and thread_ts not in channel.messages:
        raise Refused("invalid_thread_ts")
    if channel.kind != "im" and not call.text("recipient_team_id"):
        raise Refused("missing_recipient_team_id")
    if channel.kind != "im" and not call.text("recipient_user_id"):
        raise Refused("missing_recipient_user_id")
    return thread_ts


def _written(call: Call) -> tuple[str, list[Json]]:
    """The text that this call adds, and its chunks."""
    markdown = call.text("markdown_text")
    chunks = call.objects("chunks", "invalid_chunks")
    for chunk in chunks:
        _check_chunk(chunk)
    text = (markdown or "") + "".join(
        chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text"
    )
    if len(text) > MARKDOWN_CHARACTERS:
        raise Refused("msg_too_long")
    return text, chunks


def _check_chunk(chunk: Json) -> None:
    if chunk.get("type") == "blocks":
        blocks: object = chunk.get("blocks")
        if not is_list(blocks):
            raise Refused("invalid_chunks", "blocks must be a list")
        check_blocks(blocks, MESSAGE_BLOCKS)
        return
    field = _CHUNK_FIELDS.get(chunk.get("type", ""))
    if field is None or not isinstance(chunk.get(field), str):
        raise Refused("invalid_chunks", f"unsupported or incomplete: {chunk.get('type')}")


def _keep(stream: Stream, chunks: list[Json]) -> None:
    for chunk in chunks:
        if chunk["type"] == "task_update":
            stream.tasks[chunk["id"]] = {**stream.tasks.get(chunk["id"], {}), **chunk}
        if chunk["type"] == "blocks":
            stream.blocks.extend(chunk["blocks"])


def append(call: Call) -> Json:
    channel, message, stream = _open_stream(call)
    text, chunks = _written(call)
    if not text and not chunks:
        raise Refused("no_text")
    stream.touched_at = call.world.now()
    _keep(stream, chunks)
    message.text += text
    message.remember(call.world.now())
    call.world.pulse.beat()
    return ok(channel=channel.id, ts=message.ts)


def stop(call: Call) -> Json:
    channel, message, stream = _open_stream(call)
    text, chunks = _written(call)
    blocks = call.objects("blocks", "invalid_blocks_format")
    check_blocks(blocks, MESSAGE_BLOCKS)
    metadata = check_metadata(call.args.get("metadata"))
    _keep(stream, chunks)
    stream.is_stopped = True
    message.metadata = metadata or message.metadata
    whole = message.text + text
    bottom = [*stream.blocks, *blocks]
    shown = [{"type": "markdown", "text": whole}, *bottom] if bottom and whole else bottom
    edit(call.world, call.workspace, message, whole, shown, shows_edited=False)
    wire = message_wire(call.workspace, message, with_metadata=True)
    return ok(channel=channel.id, ts=message.ts, message=wire)


def _open_stream(call: Call) -> tuple[Channel, Message, Stream]:
    """The stream's message, or the refusal when it is over, expired or never was."""
    channel = writable_channel(call.workspace, call.text("channel"))
    message = channel.message(call.required("ts"))
    if message.bot_id != call.workspace.bot_id:
        raise Refused("message_not_owned_by_app")
    stream = message.stream
    if stream is None or stream.is_stopped:
        raise Refused("message_not_in_streaming_state")
    settings, now = call.world.settings, call.world.now()
    is_idle = now - stream.touched_at > settings.stream_idle_seconds
    is_old = (
        settings.stream_seconds is not None and now - stream.started_at > settings.stream_seconds
    )
    if is_idle or is_old:
        stream.is_stopped = True
        raise Refused("message_not_in_streaming_state")
    return channel, message, stream


METHODS: Methods = {
    "chat.startStream": Method(start, ("chat:write",)),
    "chat.appendStream": Method(append, ("chat:write",)),
    "chat.stopStream": Method(stop, ("chat:write",)),
}
