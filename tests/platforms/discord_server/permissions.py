"""What the bot may do where. Pure questions about records; each answers with a refusal."""

from tests.platforms.discord_server.errors import refuse
from tests.platforms.discord_server.records import Channel, Permission
from tests.platforms.discord_server.state import World


def require(world: World, channel: Channel, *wanted: Permission) -> None:
    """Raise 50001 when the bot cannot see the channel, 50013 when it lacks a permission."""
    if channel.is_dm:
        return
    denied = channel.denied
    if channel.parent_id is not None:
        denied |= world.channel(channel.parent_id).denied
    if denied & Permission.VIEW_CHANNEL:
        raise refuse(50001)
    if any(denied & permission for permission in wanted):
        raise refuse(50013)


def require_sending(world: World, channel: Channel, *, with_files: bool) -> None:
    """Raise what stands against a new message: 50007, 50001, 50013 or 50083."""
    if channel.recipient is not None and not channel.recipient.allows_dms:
        raise refuse(50007)
    kind = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    require(world, channel, kind, *([Permission.ATTACH_FILES] if with_files else []))
    if channel.is_locked:
        raise refuse(50083)
