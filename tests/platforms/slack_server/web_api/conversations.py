"""conversations.* with lagging history, and reactions.*."""

from tests.platforms.slack_server.payloads import reaction_event
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Channel, Message
from tests.platforms.slack_server.web_api.call import Call, Method, Methods, ok
from tests.platforms.slack_server.wire import (
    channel_wire,
    from_cursor,
    message_wire,
    thread_fields,
    to_cursor,
)

_HISTORY_SCOPES = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


def history(call: Call) -> Json:
    """Newest first; replies only where they were broadcast."""
    channel = _readable_channel(call)
    messages = [m for m in _in_history(call, channel) if not m.is_reply or m.is_broadcast]
    page, cursor = _page(call, list(reversed(_in_window(call, messages))), default=100)
    answer = ok(messages=_wires(call, channel, page), has_more=cursor is not None, pin_count=0)
    return answer | {"response_metadata": {"next_cursor": cursor}} if cursor else answer


def replies(call: Call) -> Json:
    """Oldest first, the root before all."""
    channel = _readable_channel(call)
    asked = channel.messages.get(call.required("ts"))
    seen = _in_history(call, channel)
    root_ts = (asked.thread_ts or asked.ts) if asked else ""
    if asked is None or not any(message.ts == root_ts for message in seen):
        raise Refused("thread_not_found")
    thread = [message for message in seen if message.ts == root_ts or message.thread_ts == root_ts]
    page, cursor = _page(call, _in_window(call, thread), default=1000)
    answer = ok(messages=_wires(call, channel, page), has_more=cursor is not None)
    return answer | {"response_metadata": {"next_cursor": cursor}} if cursor else answer


def _readable_channel(call: Call) -> Channel:
    channel = call.workspace.channel(call.text("channel"))
    needed = f"{_HISTORY_SCOPES[channel.kind]}:history"
    scopes = call.token.scopes if call.token else frozenset[str]()
    if needed not in scopes:
        raise Refused("missing_scope", needed=needed, provided=",".join(sorted(scopes)))
    if call.workspace.bot.id not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _in_history(call: Call, channel: Channel) -> list[Message]:
    latest = call.world.now() - call.world.settings.history_lag_seconds
    return [
        message
        for message in channel.messages.values()
        if not message.is_deleted and not message.ephemeral_for and message.created_at <= latest
    ]


def _in_window(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = (
        _micros(call.text("oldest") or "0"),
        _micros(call.text("latest") or "9999999999"),
    )
    if call.flag("inclusive"):
        return [message for message in messages if oldest <= _micros(message.ts) <= latest]
    return [message for message in messages if oldest < _micros(message.ts) < latest]


def _micros(ts: str) -> int:
    seconds, _, fraction = ts.partition(".")
    try:
        return int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
    except ValueError as error:
        raise Refused("invalid_ts_oldest") from error


def _page(call: Call, messages: list[Message], default: int) -> tuple[list[Message], str | None]:
    limit = min(call.number("limit", default, 1000), call.world.settings.longest_page)
    cursor = call.text("cursor")
    first = 0
    if cursor:
        all_ts = [message.ts for message in messages]
        first = (
            all_ts.index(from_cursor(cursor)) if from_cursor(cursor) in all_ts else len(messages)
        )
    rest = messages[first + limit :]
    return messages[first : first + limit], to_cursor(rest[0].ts) if rest else None


def _wires(call: Call, channel: Channel, messages: list[Message]) -> list[Json]:
    with_metadata = call.flag("include_all_metadata")
    return [
        message_wire(call.workspace, message, with_metadata=with_metadata)
        | thread_fields(channel, message)
        for message in messages
    ]


def open_conversation(call: Call) -> Json:
    if call.text("channel"):
        channel = call.workspace.channel(call.text("channel"))
    else:
        user = call.workspace.users.get(call.required("users"))
        if user is None:
            raise Refused("user_not_found")
        if user.is_bot:
            raise Refused("cannot_dm_bot")
        channel = call.workspace.dm_with(user, call.world.now())
    wire = channel_wire(call.workspace, channel) if call.flag("return_im") else {"id": channel.id}
    return ok(no_op=False, already_open=False, channel=wire)


def info(call: Call) -> Json:
    return ok(channel=channel_wire(call.workspace, call.workspace.channel(call.text("channel"))))


def list_conversations(call: Call) -> Json:
    kinds = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
    wanted = {kinds.get(kind) for kind in (call.text("types") or "public_channel").split(",")}
    bot = call.workspace.bot.id
    channels = [
        channel_wire(call.workspace, channel)
        for channel in call.workspace.channels.values()
        if channel.kind in wanted and (channel.kind == "channel" or bot in channel.members)
    ]
    return ok(channels=channels, response_metadata={"next_cursor": ""})


def members(call: Call) -> Json:
    channel = call.workspace.channel(call.text("channel"))
    return ok(members=list(channel.members), response_metadata={"next_cursor": ""})


def join(call: Call) -> Json:
    channel = call.workspace.channel(call.text("channel"))
    if channel.is_archived:
        raise Refused("is_archived")
    if channel.kind != "channel":
        raise Refused("method_not_supported_for_channel_type")
    if call.workspace.bot.id not in channel.members:
        channel.members.append(call.workspace.bot.id)
    return ok(channel=channel_wire(call.workspace, channel))


def add_reaction(call: Call) -> Json:
    message, name = _reaction_target(call)
    users = message.reactions.setdefault(name, [])
    if call.workspace.bot.id in users:
        raise Refused("already_reacted")
    users.append(call.workspace.bot.id)
    return _reaction_changed(call, "reaction_added", message, name)


def remove_reaction(call: Call) -> Json:
    message, name = _reaction_target(call)
    users = message.reactions.get(name, [])
    if call.workspace.bot.id not in users:
        raise Refused("no_reaction")
    users.remove(call.workspace.bot.id)
    if not users:
        del message.reactions[name]
    return _reaction_changed(call, "reaction_removed", message, name)


def _reaction_target(call: Call) -> tuple[Message, str]:
    name = call.required("name")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise Refused("invalid_name")
    channel = call.workspace.channel(call.text("channel"))
    return channel.message(call.required("timestamp")), name


def _reaction_changed(call: Call, kind: str, message: Message, name: str) -> Json:
    moment = call.workspace.new_ts(call.world.now())
    call.world.publish(
        call.workspace, reaction_event(kind, message, name, call.workspace.bot.id, moment)
    )
    call.world.pulse.beat()
    return ok()


_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
METHODS: Methods = {
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
    "conversations.open": Method(open_conversation, ("im:write", "mpim:write")),
    "conversations.info": Method(info, _READ),
    "conversations.list": Method(list_conversations, _READ),
    "conversations.members": Method(members, _READ),
    "conversations.join": Method(join, ("channels:join",)),
    "reactions.add": Method(add_reaction, ("reactions:write",)),
    "reactions.remove": Method(remove_reaction, ("reactions:write",)),
}
