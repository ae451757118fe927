"""One life of the Discord client: logged in, registered, connected, and closed again."""

from __future__ import annotations

import asyncio
import logging

import discord

from adapters.discord.client import GatewayClient
from adapters.discord.commands import as_registered, registration
from adapters.discord.failures import NETWORK_ERRORS, translate
from adapters.discord.insistence import insist
from adapters.discord.intake import Doors, Intake
from adapters.discord.listener import Listener
from adapters.discord.options import DiscordOptions
from adapters.discord.presence import Presence
from adapters.discord.rest import Call, Json, Rest
from gateway.errors import PosternError, RetryLater, SettingsWrong
from gateway.ports import Accept, Clock, Health

log = logging.getLogger(__name__)

_WRONG_SETTINGS = {
    4004: "Discord does not take the bot's token. Set discord.token (DISCORD_TOKEN) anew.",
    4010: "Discord does not take this number of shards.",
    4011: "Discord asks for more shards than the bot has.",
    4012: "Discord no longer speaks this version of its gateway.",
    4013: "Discord does not know the intents asked for.",
    4014: "Discord does not allow the intents asked for; see the bot's page in its portal.",
}
"""Close codes after which no new try helps ("Gateway Close Event Codes", reference)."""
_SILENCE_SECONDS = 100.0
"""Discord asks for a heartbeat every 41 s; without an answer for this long nothing is heard."""
_GOOD_BYE_SECONDS = 3.0
_INSISTS_EVERY_SECONDS = 0.2


class ContentRefused(Exception):
    """Discord does not give this bot the message-content intent."""


class _Ended(Exception):
    """Takes a client's failure out of its task group."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Connection:
    """A client from its login to its end."""

    def __init__(
        self, options: DiscordOptions, rest: Rest, clock: Clock, *, wants_content: bool
    ) -> None:
        self._options = options
        self._rest = rest
        self._clock = clock
        self._wants_content = wants_content
        self._client = GatewayClient(options, self._hear, wants_content=wants_content)
        self._listener: Listener | None = None

    async def run(self, accept: Accept) -> None:
        """Serve until cancelled or failed.

        Raises RetryLater (connect anew), ContentRefused (without that intent) and
        SettingsWrong.
        """
        try:
            await self._log_in()
            await self._serve(accept)
        finally:
            self._rest.close()
            await self._close()

    def health(self) -> Health:
        """Say how the connection is."""
        if not self._rest.is_open:
            return Health(is_ready=False, sentence="Discord is being connected.")
        if not self._options.has_gateway:
            return Health(is_ready=True, sentence="Discord is written to; events come by HTTP.")
        trouble = self._trouble()
        if trouble is not None:
            return Health(is_ready=False, sentence=trouble)
        heard = "every message" if self._wants_content else "direct messages and mentions only"
        reason = "" if self._wants_content else ", for want of the message-content intent"
        return Health(is_ready=True, sentence=f"Discord is connected and hears {heard}{reason}.")

    def _trouble(self) -> str | None:
        shards = self._client.shards
        wanted = self._client.shard_count or 1
        ready = self._listener.shards_ready if self._listener else 0
        live = sum(not shard.is_closed() for shard in shards.values())
        if min(ready, live) < wanted:
            return f"Discord is being connected: {min(ready, live)} of {wanted} shards."
        heard_at = self._listener.heartbeat_at if self._listener else None
        silence = asyncio.get_running_loop().time() - (heard_at or 0.0)
        if heard_at is not None and silence > _SILENCE_SECONDS:
            return f"Discord has answered no heartbeat for {silence:.0f} s."
        return None

    async def _log_in(self) -> None:
        try:
            await self._client.login(self._options.token)
            if self._options.has_gateway:
                await self._client.prepare()
        except discord.LoginFailure as error:
            raise SettingsWrong(_WRONG_SETTINGS[4004]) from error
        except (discord.DiscordException, *NETWORK_ERRORS) as error:
            raise translate(error, is_repeatable=True) from error
        if self._client.user is None:
            raise RetryLater("Discord did not say who the bot is.")
        self._rest.open(self._client.http, str(self._client.user.id))

    async def _serve(self, accept: Accept) -> None:
        reason: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sync_commands())
                if self._options.has_gateway:
                    await self._hold_gateway(group, accept)
                await asyncio.get_running_loop().create_future()
        except* _Ended as ended:
            reason = _first(ended)
        if reason is not None:
            raise _meaning(reason) from reason

    async def _hold_gateway(self, group: asyncio.TaskGroup, accept: Accept) -> None:
        doors = Doors(self._rest, accept, self._clock, self._client.get_channel)
        intake = Intake(doors, self._options)
        shards = self._client.shard_count or 1
        listener = self._listener = Listener(group, intake, self._options, shards)
        if self._options.agents_health is not None:
            presence = Presence(
                self._client, lambda: listener.sessions_begun, self._options.agents_health
            )
            group.create_task(presence.run(self._options.health_seconds))
        holding = group.create_task(self._connect())
        try:
            await asyncio.wait([holding])
        finally:
            await self._close()
            await self._end(holding)
        raise _Ended(holding.result())

    async def _connect(self) -> Exception:
        """Hold the connection, and return why it ended."""
        try:
            await self._client.connect()
        except Exception as error:  # noqa: BLE001 - whatever broke it, it is connected anew
            return error
        return RetryLater("Discord closed the connection.")

    async def _end(self, holding: asyncio.Task[Exception]) -> None:
        """Insist: discord.py swallows a cancellation while it connects, and goes on for ever."""
        while not holding.done():
            holding.cancel()
            await asyncio.wait([holding], timeout=_INSISTS_EVERY_SECONDS)

    async def _close(self) -> None:
        """Say good-bye, but wait for no answer of a connection that is dead."""
        try:
            async with asyncio.timeout(_GOOD_BYE_SECONDS):
                await self._client.close()
        except TimeoutError:
            await self._client.http.close()

    def _hear(self, name: str, data: Json) -> None:
        if self._listener is not None:
            self._listener.hear(name, data)

    async def _sync_commands(self) -> None:
        """Register the commands if Discord has others; never in the way of messages."""
        application = self._options.application_id or str(self._client.application_id)
        path, ids = "/applications/{application_id}/commands", {"application_id": application}
        wanted = registration(self._options.commands)
        try:
            known: list[Json] = await self._insist_on(Call("GET", path, ids))
            if as_registered(known) != as_registered(wanted):
                await self._insist_on(Call("PUT", path, ids, wanted))
                log.info("discord_commands_registered", extra={"commands": len(wanted)})
        except PosternError as error:
            log.error("discord_commands_not_registered", extra={"error": str(error)})  # noqa: TRY400 - the sentence says it all

    async def _insist_on(self, call: Call) -> list[Json]:
        return await insist(lambda: self._rest.call(call), self._options.retry_seconds)


def _first(ended: BaseExceptionGroup[_Ended]) -> Exception:
    """Return why the client ended; the group holds one reason, however deep."""
    inner = ended.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner.reason


def _meaning(error: Exception) -> Exception:
    match error:
        case discord.PrivilegedIntentsRequired():
            return ContentRefused()
        case discord.ConnectionClosed() if error.code in _WRONG_SETTINGS:
            return SettingsWrong(_WRONG_SETTINGS[error.code])
        case PosternError():
            return error
        case discord.DiscordException() | OSError():
            return RetryLater(f"The connection to Discord broke: {error}")
        case _:
            return error
