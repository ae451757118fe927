"""Slack as a platform: its connection, and how deliveries are shown there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from slack_bolt.async_app import AsyncApp

from adapters.slack.answers import Posted
from adapters.slack.asides import Asides
from adapters.slack.calls import SlackCalls
from adapters.slack.canvas import NOT_DRAWN
from adapters.slack.catch_up import CatchUp
from adapters.slack.door import Door, Hints, make_app
from adapters.slack.downloads import Downloads
from adapters.slack.drafts import STILL_STREAMING, DraftPosts
from adapters.slack.earlier import Earlier
from adapters.slack.failures import SlackRefused
from adapters.slack.greetings import Greetings
from adapters.slack.handles import Handle
from adapters.slack.home import Homes
from adapters.slack.lookup import Lookup
from adapters.slack.oauth import InstallPages
from adapters.slack.options import Options
from adapters.slack.outbound import (
    ephemeral_args,
    new_splitter,
    own_message,
    post_args,
    response_body,
    update_args,
)
from adapters.slack.pace import Pace
from adapters.slack.response_urls import ResponseUrls, UrlWornOut
from adapters.slack.socket_mode import connected
from adapters.slack.status_line import StatusLines
from adapters.slack.uploads import Uploads
from adapters.slack.web_api import Json, answered
from adapters.slack.workspaces import Workspaces
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Delivery
from gateway.domain.ids import PlatformMessageId
from gateway.domain.messages import InboundMessage
from gateway.domain.overheard import Overheard, Stretch
from gateway.domain.people import Identity
from gateway.errors import OutcomeUnknown, PosternError, RetryLater, SettingsWrong
from gateway.ports import Accept, ArtifactStore, Clock, Health, Store, Streaming
from gateway.text.canvas import said

log = logging.getLogger(__name__)

ANSWERED = "response_url:"
"""How receipts begin of what was posted to a response_url: Slack gives such posts no id."""

_NOT_THERE = frozenset({"channel_not_found", "not_in_channel"})
"""Slack's words for a channel where the app can not post as itself."""

_GONE = "message_not_found"

_LONGEST_WAIT_SECONDS = 60.0


class SlackAdapter:
    """One Slack app, over HTTP (routes.py), Socket Mode, or both at once.

    Messages go out as the app itself, with the delivery's id as metadata, so that
    an earlier try is found in the channel's history. What is for one person in a
    channel goes to the command's response_url, where no try can be found again.
    """

    def __init__(
        self, options: Options, store: Store, artifacts: ArtifactStore, clock: Clock
    ) -> None:
        self.options = options
        self.workspaces = Workspaces(options, store, clock)
        self.pages = _pages(self.workspaces, options, store, clock)
        """Where workspaces install the app; None without OAuth."""
        self._calls = SlackCalls(self.workspaces)
        self._drafts = DraftPosts(self._calls, Pace())
        self._earlier = Earlier(self._calls, options)
        self._splitter = new_splitter()
        self._lookup = Lookup(self._calls, self.workspaces, options)
        self._response_urls = ResponseUrls(self.workspaces, clock)
        self._status_lines = StatusLines(self._calls, options)
        self._hints = Hints(
            greetings=Greetings(self._calls, options),
            homes=Homes(self._calls, store.history, options),
            asides=Asides(self._calls, self._response_urls, clock),
        )
        self._downloads = Downloads(self._calls, artifacts, options)
        self._uploads = Uploads(self._calls, artifacts)
        self._catch_up = CatchUp(self._calls, store, clock, options)
        self._door = Door(self._calls, self._hints, self._downloads, store, clock, options)
        self._app: AsyncApp | None = None
        self._note("Slack is not connected yet.")

    @property
    def platform(self) -> str:
        """The first part of its conversation ids."""
        return "slack"

    @property
    def streaming(self) -> Streaming:
        """Answers grow in place; one that is there within a second is one post."""
        return self.options.streaming

    @property
    def app(self) -> AsyncApp | None:
        """The bolt app that takes requests; None while the adapter does not run."""
        return self._app

    async def turn_away(self, reason: str) -> None:
        """Have it noted that a request came that is not Slack's, or too large."""
        await self._door.turn_away(reason)

    async def run(self, accept: Accept) -> None:
        """Let events in until cancelled. Raises SettingsWrong for a token that Slack refuses."""

        async def hear(message: InboundMessage) -> None:
            await accept(message)
            self._drafts.heard(message.conversation, message.sender.identity.user)

        await self._catch_up.look()
        self._door.open(hear)
        self._app = app = make_app(self.workspaces, self._door)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._status_lines.run())
                group.create_task(self._hints.greetings.run())
                group.create_task(self._hints.homes.run())
                group.create_task(self._hints.asides.run())
                group.create_task(self._downloads.run())
                group.create_task(
                    self._catch_up.run(self._door.receive, lambda: self._is_connected())
                )
                await self._connect(app)
        except* SettingsWrong as errors:
            raise SettingsWrong(self._sentence) from errors
        finally:
            self._app = None
            self._door.close()
            await self.workspaces.close()

    async def _connect(self, app: AsyncApp) -> None:
        """Find out who the app is, and hold the Socket Mode connection if there is one.

        Events are taken in meanwhile. Raises SettingsWrong.
        """
        wait = 1.0
        while True:
            try:
                await self._serve(app)
            except RetryLater as error:
                self._note(str(error))
            except SettingsWrong as error:
                self._note(str(error))
                raise
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT_SECONDS, wait * 2)

    async def _serve(self, app: AsyncApp) -> None:
        workspace = await self.workspaces.identify()
        self._catch_up.begin()
        where = "Where it is installed" if workspace is None else f"In {workspace.name}"
        token = self.options.app_token
        if token is None:
            self._note(f"{where}, over HTTP.", is_connected=lambda: True)
            await asyncio.get_running_loop().create_future()
            return
        async with connected(app, token, self.workspaces.web_client(token)) as is_connected:
            self._note(f"{where}, over Socket Mode.", is_connected=is_connected)
            await asyncio.get_running_loop().create_future()

    def _note(self, sentence: str, *, is_connected: Callable[[], bool] = lambda: False) -> None:
        self._sentence, self._is_connected = sentence, is_connected

    def split(self, text: str) -> list[str]:
        """Cut an answer into parts of at most 12,000 rendered characters. Pure."""
        return self._splitter.split(text)

    async def send(self, delivery: Delivery) -> PlatformMessageId:
        """Bring Slack to the delivery's text, as the port says.

        A canvas of which Slack takes no blocks is shown in words, with the same to press.
        """
        try:
            return await self._show(delivery)
        except SlackRefused as error:
            if delivery.canvas is None or error.code not in NOT_DRAWN:
                raise
            log.info("slack_canvas_in_words", extra={"delivery": delivery.id, "error": str(error)})
            return await self._show(replace(delivery, canvas=said(delivery.canvas)))

    async def _show(self, delivery: Delivery) -> PlatformMessageId:
        if delivery.receipt is not None and not delivery.receipt.startswith(ANSWERED):
            return await self._bring_up_to_date(delivery, delivery.receipt)
        try:
            if delivery.is_draft:
                return await self._drafts.begin(delivery)
            if delivery.files and delivery.receipt is None:
                return await self._show_files(delivery)
            if delivery.is_private and delivery.handle is not None:
                return await self._answer_privately(delivery, Handle.from_text(delivery.handle))
            return await self._post(delivery)
        except OutcomeUnknown:
            self._lookup.note_try(delivery)
            raise

    async def find(self, delivery: Delivery) -> PlatformMessageId | None:
        """Look for the delivery in its channel. Private answers are in no history."""
        if delivery.files:
            place = await self._place_of_files(delivery)
            found = await self._uploads.find(delivery, place.workspace)
            return found or await self._lookup.find(replace(delivery, conversation=place))
        if delivery.is_private and delivery.handle is not None:
            raise OutcomeUnknown("What was shown to one person alone can not be looked up.")
        return await self._lookup.find(delivery)

    async def show_draft(self, delivery: Delivery, text: str) -> None:
        """Let a draft grow. A hint: never raises."""
        await self._drafts.grow(delivery, text)

    async def overheard(self, stretch: Stretch) -> Sequence[Overheard] | None:
        """Return what people said there, oldest first; None where it can not be told now."""
        return await self._earlier.overheard(stretch)

    def show_typing(self, conversation: Conversation) -> AbstractAsyncContextManager[None]:
        """Show "is thinking…" in threads. Never raises."""
        return self._status_lines.showing(conversation)

    async def direct_with(self, identity: Identity) -> Conversation | None:
        """Return the direct messages with somebody, which Slack opens where it lets the app."""
        try:
            async with asyncio.timeout(self.options.call_timeout_seconds):
                opened = await self._calls.open_direct(identity.workspace, identity.user)
        except (PosternError, TimeoutError) as error:
            log.info("slack_direct_not_opened", extra={"error": str(error)})
            return None
        return Conversation(self.platform, identity.workspace, opened)

    def health(self) -> Health:
        """Say which workspace is connected, or what keeps it from that."""
        return Health(is_ready=self._is_connected(), sentence=self._sentence)

    async def _post(self, delivery: Delivery) -> PlatformMessageId:
        """Post as the app, where it is a member; a command is answered elsewhere too."""
        try:
            answer = await self._write(delivery, "chat.postMessage", post_args(delivery))
            return PlatformMessageId(answered(Posted, "chat.postMessage", answer).ts)
        except SlackRefused as error:
            if delivery.handle is None or error.code not in _NOT_THERE:
                raise
            handle = Handle.from_text(delivery.handle)
            await self._response_urls.post(handle, response_body(delivery))
            return _answered(delivery)

    async def _show_files(self, delivery: Delivery) -> PlatformMessageId:
        """Show files with the words as one message; without any left, the words alone."""
        packed = await self._uploads.pack(delivery)
        if not packed.files:
            return await self.send(replace(delivery, text=packed.text, files=()))
        try:
            place = await self._place_of_files(delivery)
            receipt = await self._uploads.show(delivery, packed, place)
        except SlackRefused as error:
            if delivery.handle is None or delivery.is_private or error.code not in _NOT_THERE:
                raise
            return await self._show_files(replace(delivery, is_private=True))
        return _answered(delivery) if delivery.is_private else receipt

    async def _place_of_files(self, delivery: Delivery) -> Conversation:
        """Return where files are shown: no file is for one person alone but in their DM."""
        place = delivery.conversation
        if not delivery.is_private or delivery.handle is None:
            return place
        user = Handle.from_text(delivery.handle).user
        try:
            opened = await self._calls.open_direct(place.workspace, user)
        except OutcomeUnknown as error:
            raise RetryLater(str(error)) from error  # opening it again is the same
        return replace(place, channel=opened, thread=None)

    async def _answer_privately(self, delivery: Delivery, handle: Handle) -> PlatformMessageId:
        """Show it to the person who gave the command, in the channel or else in their DM."""
        try:
            await self._response_urls.post(handle, response_body(delivery))
        except UrlWornOut:
            await self._show_to_one(delivery, handle.user)
        return _answered(delivery)

    async def _show_to_one(self, delivery: Delivery, user: str) -> None:
        try:
            await self._write(delivery, "chat.postEphemeral", ephemeral_args(delivery, user))
        except SlackRefused:
            await self._write(
                delivery, "chat.postMessage", {**post_args(delivery), "channel": user}
            )

    async def _bring_up_to_date(
        self, delivery: Delivery, receipt: PlatformMessageId
    ) -> PlatformMessageId:
        """Edit the message that was sent, or take it back. Repeating it is harmless."""
        if delivery.is_draft:
            return receipt
        await self._drafts.end(delivery)
        if not delivery.text:
            await self._take_back(delivery)
            return receipt
        args = update_args(delivery, delivery.text)
        try:
            await self._write(delivery, "chat.update", args)
        except SlackRefused as error:
            if error.code == _GONE:
                return await self._post_anew(delivery)
            if error.code != STILL_STREAMING:
                raise
            await self._drafts.stop(delivery)
            await self._write(delivery, "chat.update", args)
        return receipt

    async def _post_anew(self, delivery: Delivery) -> PlatformMessageId:
        """Post what somebody deleted while it grew, unless an earlier try has done that."""
        found = await self._lookup.find(delivery)
        return found or await self._post(delivery)

    async def _take_back(self, delivery: Delivery) -> None:
        try:
            await self._write(delivery, "chat.delete", own_message(delivery))
        except SlackRefused as error:
            if error.code != _GONE:
                raise

    async def _write(self, delivery: Delivery, method: str, args: Json) -> Json:
        return await self._calls.write(delivery.conversation.workspace, method, args)


def _pages(
    workspaces: Workspaces, options: Options, store: Store, clock: Clock
) -> InstallPages | None:
    if options.oauth is None or workspaces.grants is None:
        return None
    return InstallPages(options.oauth, workspaces.grants, store.installations, clock)


def _answered(delivery: Delivery) -> PlatformMessageId:
    return PlatformMessageId(f"{ANSWERED}{delivery.nonce}")
