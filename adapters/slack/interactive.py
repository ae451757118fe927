"""Commands, buttons, windows and shortcuts: stored, and answered within Slack's three seconds.

Slack sends none of them a second time, so their person hears at once of a failure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from adapters.slack import forms
from adapters.slack.asides import Asides
from adapters.slack.calls import SlackCalls
from adapters.slack.inbound import parse_command
from adapters.slack.interactions import (
    Nothing,
    Said,
    Stale,
    Submitted,
    WindowWanted,
    asker_of,
    parse_interaction,
    parse_wordless,
    question_of,
)
from adapters.slack.names import Names
from adapters.slack.options import Options
from adapters.slack.recent import Recent
from adapters.slack.refusals import Refusals
from adapters.slack.web_api import Json
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity
from gateway.errors import BadInput, PosternError, RetryLater
from gateway.ports import Clock

log = logging.getLogger(__name__)

NOT_NOW = "I can't take this right now, and nothing was stored. Please try again in a moment."
NO_WINDOW = "Slack did not open the window in time. Please try again."
KINDS = ("block_actions", "message_action", "shortcut", "view_submission")
"""No set: what Slack calls a kind need not be hashable."""

Store = Callable[[InboundMessage], Awaitable[None]]


class Interactive:
    """Takes in what people do with the app itself."""

    def __init__(
        self,
        calls: SlackCalls,
        asides: Asides,
        names: Names,
        refusals: Refusals,
        clock: Clock,
        options: Options,
    ) -> None:
        self._calls = calls
        self._asides = asides
        self._names = names
        self._refusals = refusals
        self._clock = clock
        self._options = options
        self._direct: Recent[tuple[str, str], str] = Recent()

    async def command(self, body: Mapping[str, object], store: Store) -> str:
        """Take in a slash command; returns what its person reads at once, if anything."""
        now = self._clock.now()
        try:
            wanted = parse_wordless(body, now)
            if wanted is not None and await self._opens(wanted):
                return ""
            await store(parse_command(body, self._options.commands, now))
        except BadInput as error:
            return str(error)
        except RetryLater as error:
            log.warning("command_not_stored", extra={"error": str(error)})
            return NOT_NOW
        except ValueError:
            await self._refusals.note_odd(body, "command_shape")
        return ""

    async def act(self, body: Mapping[str, object], store: Store) -> Json | str:
        """Take in anything else; returns what Slack gets with the acknowledgement."""
        is_window = body.get("type") == "view_submission"
        try:
            await self._carry_out(body, store)
        except Stale as error:
            await self._refusals.note_odd(body, f"{body.get('type')}_not_in_use")
            return self._refuse(body, str(error), is_window=is_window)
        except BadInput as error:
            return self._refuse(body, str(error), is_window=is_window)
        except RetryLater as error:
            log.warning("interaction_not_stored", extra={"error": str(error)})
            return self._refuse(body, NOT_NOW, is_window=is_window)
        except ValueError:
            await self._refusals.note_odd(body, f"{body.get('type')}_shape")
        return ""

    async def _carry_out(self, body: Mapping[str, object], store: Store) -> None:
        wish = parse_interaction(body, self._options.commands, self._clock.now())
        match wish:
            case Said(message):
                await store(message)
            case WindowWanted():
                if not await self._opens(wish):
                    raise BadInput(NO_WINDOW)
            case Submitted():
                await store(await self._question(wish))
            case Nothing():
                pass

    def _refuse(self, body: Mapping[str, object], sentence: str, *, is_window: bool) -> Json | str:
        """Say why not: in the window, or beside the conversation."""
        if is_window:
            return forms.refused(sentence)
        self._asides.tell(asker_of(body), sentence)
        return ""

    async def _opens(self, wanted: WindowWanted) -> bool:
        """Open the window while the trigger lives; False when Slack does not."""
        args = {"trigger_id": wanted.trigger_id, "view": forms.window(wanted.origin)}
        try:
            async with asyncio.timeout(self._options.name_timeout_seconds):
                await self._calls.write(wanted.team, "views.open", args)
        except (PosternError, TimeoutError) as error:
            log.info("window_not_opened", extra={"error": str(error)})
            return False
        return True

    async def _question(self, wish: Submitted) -> InboundMessage:
        origin, team = wish.origin, wish.place.team
        channel = origin.channel or await self._direct_channel(team, wish.sender.identity.user)
        author = ""
        if origin.quote is not None and origin.quote.author:
            account = Identity("slack", wish.place.people, origin.quote.author)
            author = await self._names.name_of(account, team)
        return question_of(wish, channel, author, self._options.commands, self._clock.now())

    async def _direct_channel(self, team: str, user: str) -> str:
        """Return the person's direct messages. Raises RetryLater when Slack does not say."""
        known = self._direct.get((team, user))
        if known is not None:
            return known
        try:
            async with asyncio.timeout(self._options.name_timeout_seconds):
                channel = await self._calls.open_direct(team, user)
        except (PosternError, TimeoutError) as error:
            raise RetryLater(f"Slack does not open the direct messages: {error}") from error
        self._direct.put((team, user), channel)
        return channel
