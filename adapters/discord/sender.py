"""Brings deliveries to Discord, and finds out what an earlier try has left there."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from adapters.discord import answers, failures, posts
from adapters.discord.answers import Answers
from adapters.discord.askers import Askers
from adapters.discord.buttons import Buttons
from adapters.discord.enclosures import Enclosures
from adapters.discord.failures import DiscordRefused
from adapters.discord.inbound import DIRECT, PLATFORM
from adapters.discord.interactions import Handle
from adapters.discord.options import DiscordOptions
from adapters.discord.outbound import (
    Content,
    Receipt,
    channel_of,
    draft_of,
)
from adapters.discord.posts import Posts
from adapters.discord.rest import Call, Rest
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import PlatformMessageId
from gateway.domain.people import Identity
from gateway.errors import OutcomeUnknown, PosternError, RetryLater
from gateway.ports import Clock
from gateway.text.canvas import said

log = logging.getLogger(__name__)

_NOWHERE = PlatformMessageId("")
"""The receipt of what was taken back before it was shown."""
_OVER = (failures.UNKNOWN_WEBHOOK, failures.UNKNOWN_MESSAGE, failures.INVALID_TOKEN)
_EARLY_SECONDS = 0.2
_NO_ROOM_SECONDS = 0.5
_AFTER_TROUBLE_SECONDS = 15.0
_PLACEHOLDER = Content("…")
_LOADING = 1 << 7
"""The flag of a message that says "thinking" ("Message Flags", Discord's reference)."""
_CHANNELS = 10_000
_Found = TypeVar("_Found")
_PATIENCE_SECONDS = 5.0
"""For what may as well be left out."""


class Sender:
    """Posts, edits and takes back; in channels, or over an interaction while that lives."""

    def __init__(self, rest: Rest, clock: Clock, options: DiscordOptions, askers: Askers) -> None:
        self._rest = rest
        self._askers = askers
        self._clock = clock
        self._options = options
        self._posts = Posts(rest)
        self._answers = Answers(rest)
        buttons = Buttons(options.token)
        self._enclosures = Enclosures(options.artifacts, options.find_approval, buttons)
        self._drafted_at: OrderedDict[str, float] = OrderedDict()

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Bring Discord to the delivery's text. Raises as `Adapter.send` says."""
        return await _drawn_or_said(self._show, delivery)

    async def _show(self, delivery: Delivery) -> PlatformMessageId:
        if not delivery.text:
            return await self._take_back(delivery)
        if delivery.receipt:
            content = await self._enclosures.edited(delivery)
            return await self._edit(delivery, Receipt.parse(delivery.receipt), content)
        if delivery.is_draft and not self._rest.has_room:
            raise RetryLater("Answers go before drafts.", retry_after_seconds=_NO_ROOM_SECONDS)
        content = await self._enclosures.content_of(delivery)
        handle = self._live_handle(delivery)
        if handle is not None:
            receipt = await self._answer(delivery, handle, content)
            if receipt is not None:
                return receipt.id
        return (await self._post(delivery, content)).id

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Return where an earlier try of this post is. Raises as `Adapter.find` says."""
        return await _drawn_or_said(self._look, delivery)

    async def _look(self, delivery: Delivery) -> PlatformMessageId | None:
        content = _PLACEHOLDER
        if delivery.text:
            content = await self._enclosures.content_of(delivery)
        if delivery.text and delivery.ending:
            ended = replace(delivery, text=delivery.text + delivery.ending)
            content = replace(content, instead=(await self._enclosures.content_of(ended)).text)
        handle = self._live_handle(delivery)
        if handle is not None and answers.is_repeatable(delivery):
            return None
        if handle is not None:
            found = await self._find_answer(delivery, handle, content)
        else:
            found = await self._find_post(delivery, content)
        return found.id if found else None

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return the DM with somebody; None where Discord opens none now. Never raises."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                channel = await self._posts.open_direct(identity.user)
        except (PosternError, TimeoutError) as error:
            log.info("discord_direct_not_opened", extra={"error": str(error)})
            return None
        return Conversation(PLATFORM, DIRECT, channel)

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Edit a draft when its channel and the bot's limits have room for it. Never raises."""
        channel = channel_of(delivery.conversation)
        now = asyncio.get_running_loop().time()
        if now - self._drafted_at.get(channel, 0.0) < self._options.stream_interval_seconds:
            return
        call = self._draft_call(delivery, draft_of(text))
        if call is None:
            return
        self._note_draft(channel, now)
        try:
            await self._rest.hint(call)
        except PosternError as error:
            # No more for a while: refusals are counted, and too many end in a ban.
            self._note_draft(channel, now + _AFTER_TROUBLE_SECONDS)
            log.info("discord_draft_not_shown", extra={"error": str(error)})

    # -- new messages ----------------------------------------------------------------------

    async def _answer(self, delivery: Delivery, handle: Handle, content: Content) -> Receipt | None:
        """Answer the interaction; None when Discord no longer takes its token."""
        try:
            message = await self._answers.post(delivery, handle, content)
        except DiscordRefused as error:
            if error.code not in _OVER:
                raise
            is_early = handle.may_be_unanswered(self._clock.now())
            if is_early and error.code != failures.INVALID_TOKEN:
                wait = _EARLY_SECONDS
                raise RetryLater("Discord is still deferring.", retry_after_seconds=wait) from error
            return None
        return Receipt(message, is_of_an_interaction=True)

    async def _post(self, delivery: Delivery, content: Content) -> Receipt:
        channel = await self._channel_for(delivery)
        try:
            message = await self._posts.post(channel, content, delivery.nonce)
        except DiscordRefused as error:
            if error.code in failures.NOT_PERMITTED:
                await self._tell_asker(delivery, error)
            raise
        is_elsewhere = channel != channel_of(delivery.conversation)
        return Receipt(message, channel if is_elsewhere else None)

    async def _tell_asker(self, delivery: Delivery, refused: DiscordRefused) -> None:
        """Tell who waits for the answer, in private, that the bot may not give it there."""
        asker = self._askers.take(delivery.conversation)
        if asker is None:
            return
        sentence = f"I may not answer in <#{channel_of(delivery.conversation)}>. {refused.reason}"
        try:
            channel = await self._posts.open_direct(asker)
            await self._posts.post(channel, Content(sentence), delivery.nonce)
        except PosternError as error:
            log.info("discord_asker_not_told", extra={"error": str(error)})

    async def _channel_for(self, delivery: Delivery) -> str:
        """Return where to post; what only one person may see goes to their DM."""
        if delivery.handle and delivery.is_private:
            return await self._posts.open_direct(Handle.parse(delivery.handle).user)
        return channel_of(delivery.conversation)

    # -- messages that are there -----------------------------------------------------------

    async def _edit(
        self, delivery: Delivery, receipt: Receipt, content: Content
    ) -> PlatformMessageId:
        handle = self._live_handle(delivery)
        channel = receipt.channel or channel_of(delivery.conversation)
        try:
            if handle is not None and receipt.is_of_an_interaction:
                await self._answers.edit(handle, receipt.message, content)
            else:
                await self._posts.edit(channel, receipt.message, content)
        except DiscordRefused as error:
            if not _is_to_be_replaced(error, receipt, handle):
                raise
            return await self._replace(delivery, receipt, content)
        return receipt.id

    async def _replace(
        self, delivery: Delivery, receipt: Receipt, content: Content
    ) -> PlatformMessageId:
        """Post anew what can no longer be edited, then take the old message away if possible."""
        replacement = await self._post(delivery, content)
        try:
            channel = receipt.channel or channel_of(delivery.conversation)
            await self._posts.delete(channel, receipt.message)
        except PosternError as error:
            log.warning("discord_old_message_stays", extra={"error": str(error)})
        return replacement.id

    async def _take_back(self, delivery: Delivery) -> PlatformMessageId:
        if not delivery.receipt:
            return _NOWHERE
        receipt = Receipt.parse(delivery.receipt)
        handle = self._live_handle(delivery)
        if handle is not None and receipt.is_of_an_interaction:
            await self._answers.delete(handle, receipt.message)
        else:
            channel = receipt.channel or channel_of(delivery.conversation)
            await self._posts.delete(channel, receipt.message)
        return receipt.id

    def _draft_call(self, delivery: Delivery, content: Content) -> Call | None:
        if not delivery.receipt:
            return None
        receipt = Receipt.parse(delivery.receipt)
        handle = self._live_handle(delivery)
        if handle is not None and receipt.is_of_an_interaction:
            return answers.edit_of(handle, receipt.message, content)
        channel = receipt.channel or channel_of(delivery.conversation)
        return posts.edit_of(channel, receipt.message, content)

    def _note_draft(self, channel: str, now: float) -> None:
        self._drafted_at[channel] = now
        self._drafted_at.move_to_end(channel)
        if len(self._drafted_at) > _CHANNELS:
            self._drafted_at.popitem(last=False)

    # -- looking ---------------------------------------------------------------------------

    async def _find_post(self, delivery: Delivery, content: Content) -> Receipt | None:
        """Post again while the nonce surely counts; search the channel's history after that."""
        if delivery.handle is None and self._is_nonce_remembered(delivery):
            try:
                return await self._post(delivery, content)
            except OutcomeUnknown as error:
                raise RetryLater(f"The repeat's answer was lost too: {error}") from error
        if delivery.handle and delivery.is_private:
            raise OutcomeUnknown("Private answers are in no history.")
        channel = channel_of(delivery.conversation)
        message = await self._posts.search(channel, delivery, content)
        return Receipt(message, is_of_an_interaction=bool(delivery.handle)) if message else None

    async def _find_answer(
        self, delivery: Delivery, handle: Handle, content: Content
    ) -> Receipt | None:
        """Look for a follow-up: as the first answer, whose place it may have taken, and after."""
        original = await self._answers.original(handle)
        if original.content in (content.text, content.instead):
            return Receipt(original.id, is_of_an_interaction=True)
        if original.flags & _LOADING:
            return None
        if delivery.is_private:
            raise OutcomeUnknown("Private answers are in no history.")
        channel = channel_of(delivery.conversation)
        message = await self._posts.search(channel, delivery, content)
        return Receipt(message, is_of_an_interaction=True) if message else None

    def _is_nonce_remembered(self, delivery: Delivery) -> bool:
        window = timedelta(seconds=self._options.nonce_window_seconds)
        return self._clock.now() - delivery.created_at < window

    def _live_handle(self, delivery: Delivery) -> Handle | None:
        if delivery.handle is None:
            return None
        handle = Handle.parse(delivery.handle)
        return handle if handle.is_alive(self._clock.now()) else None


async def _drawn_or_said(
    work: Callable[[Delivery], Awaitable[_Found]], delivery: Delivery
) -> _Found:
    """Do it with what Discord takes: a canvas that it does not is said in words.

    It may refuse one for a picture's address, for instance.
    """
    try:
        return await work(delivery)
    except DiscordRefused as error:
        if delivery.canvas is None or error.code != failures.INVALID_BODY:
            raise
        log.info("discord_canvas_in_words", extra={"delivery": delivery.id, "error": str(error)})
        return await work(replace(delivery, canvas=said(delivery.canvas)))


def _is_to_be_replaced(error: DiscordRefused, receipt: Receipt, handle: Handle | None) -> bool:
    """Whether a new message should take the place of one that Discord lets nobody edit."""
    if error.code == failures.OLD_EDITS_USED_UP:
        return True
    if not receipt.is_of_an_interaction:
        return False
    is_over = handle is None and error.code == failures.UNKNOWN_MESSAGE
    return is_over or error.code in (failures.FOREIGN_MESSAGE, failures.INVALID_TOKEN)
