"""Hears one gateway client: sorts its events into lanes, and fills the gap before each session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace

from adapters.discord.client import HEARTBEAT_ACK
from adapters.discord.inbound import PLATFORM
from adapters.discord.insistence import insist
from adapters.discord.intake import Intake
from adapters.discord.lanes import Event, Lanes
from adapters.discord.options import DiscordOptions
from adapters.discord.outbound import channel_of
from adapters.discord.payloads import Ready
from adapters.discord.rest import Json
from gateway.domain.conversations import Conversation

log = logging.getLogger(__name__)

_FIRST_SHARD = 0
"""DMs come to it alone."""
_OUTSIDE_SHARDS = -1
"""Interactions can not be fetched again, so they never wait for a gap to be filled."""


class Listener:
    """Never deaf: what was sent before a session began is fetched, then what is new is taken.

    A RESUME needs none of that: Discord repeats by itself what was missed.
    """

    def __init__(
        self, group: asyncio.TaskGroup, intake: Intake, options: DiscordOptions, shard_count: int
    ) -> None:
        self._group = group
        self._intake = intake
        self._options = options
        self._shard_count = shard_count
        self._lanes = Lanes(group, intake.take_in, intake.take_missed, options.waiting_limit)
        self._sessions: set[int] = set()
        self.sessions_begun = 0
        self.heartbeat_at: float | None = None
        """When Discord last answered a heartbeat, on the loop's clock."""

    @property
    def shards_ready(self) -> int:
        """How many shards ever held a session."""
        return len(self._sessions)

    def hear(self, name: str, data: Json) -> None:
        """Take note of a gateway event; the work is done in its channel's lane."""
        match name:
            case _ if name == HEARTBEAT_ACK:
                self.heartbeat_at = asyncio.get_running_loop().time()
            case "READY":
                self._begin_session(Ready.model_validate(data).shard[0])
            case "RESUMED":
                log.info("discord_resumed")
            case "INTERACTION_CREATE":
                lane = f"interactions {data.get('channel_id')}"
                self._lanes.put(lane, _OUTSIDE_SHARDS, Event(name, data))
            case _:
                shard = self._shard_of(data.get("guild_id"))
                self._lanes.put(str(data.get("channel_id")), shard, Event(name, data))

    def _begin_session(self, shard: int) -> None:
        log.info("discord_session", extra={"shard": shard})
        self._sessions.add(shard)
        self.sessions_begun += 1
        self._lanes.hold(shard)
        self._group.create_task(self._fill_gaps(shard))

    async def _fill_gaps(self, shard: int) -> None:
        newest = await insist(self._options.newest_events, self._options.retry_seconds)
        gaps: dict[str, int] = {}
        for conversation, event in newest:
            if conversation.platform != PLATFORM or self._shard_of(conversation.workspace) != shard:
                continue
            self._intake.meet(conversation)
            for place, mark in self._marks(conversation, event):
                self._intake.meet(place)
                channel = channel_of(place)
                gaps[channel] = max(mark, gaps.get(channel, 0))
        newest_first = dict(sorted(gaps.items(), key=lambda gap: -gap[1]))
        await self._lanes.fill(shard, newest_first, self._options.backfills_at_once)

    def _marks(self, conversation: Conversation, event: str) -> Iterator[tuple[Conversation, int]]:
        """Give the channels that a stored message tells of, with the newest id known in each."""
        if event.isdecimal():
            yield conversation, int(event)
        if self._options.threads_on_mention and conversation.thread is not None:
            # Such a thread has the id of the mention that began it, in the channel above.
            yield replace(conversation, thread=None), int(conversation.thread)

    def _shard_of(self, guild_id: object) -> int:
        """Return which shard hears a guild ("Sharding", Discord's reference)."""
        if not isinstance(guild_id, str) or not guild_id.isdecimal():
            return _FIRST_SHARD
        return (int(guild_id) >> 22) % self._shard_count
