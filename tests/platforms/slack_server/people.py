"""People who write, press, submit and look: what a test says instead of building payloads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.platforms.slack_server import payloads
from tests.platforms.slack_server.files import share
from tests.platforms.slack_server.interactions import Answer
from tests.platforms.slack_server.messages import Draft, delete, edit, post
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Channel, File, Message, User, View, Workspace

if TYPE_CHECKING:
    from tests.platforms.slack_server.server import SlackServer


@dataclass(frozen=True, slots=True)
class Person:
    """One human in one workspace.

    Messages return at once and their events follow in the background; what waits for the app's
    answer (commands, buttons, forms, shortcuts) is awaited.
    """

    server: "SlackServer"
    workspace: Workspace
    user: User

    @property
    def id(self) -> str:
        return self.user.id

    @property
    def dm_channel(self) -> Channel:
        """The DM between this person and the app; opened when it was not yet there."""
        return self.workspace.dm_with(self.user, self.server.world.now())

    def dm(self, text: str, *, thread_ts: str | None = None) -> Message:
        """Write to the app."""
        return self.says(self.dm_channel, text, thread_ts=thread_ts)

    def says(self, channel: Channel | str, text: str, *, thread_ts: str | None = None) -> Message:
        """Write in a channel, given as itself, its id or its name."""
        place = self._joined(channel)
        return post(
            self.server.world, self.workspace, place, Draft(self.id, text, thread_ts=thread_ts)
        )

    def mentions(
        self, channel: Channel | str, text: str, *, thread_ts: str | None = None
    ) -> Message:
        """Write `@app text`: the app hears it twice, as app_mention and as message."""
        return self.says(channel, f"<@{self.workspace.bot.id}> {text}", thread_ts=thread_ts)

    def edits(self, message: Message, text: str) -> None:
        self._refuse_foreign(message)
        edit(self.server.world, self.workspace, message, text, [])

    def deletes(self, message: Message) -> None:
        self._refuse_foreign(message)
        delete(self.server.world, self.workspace, message)

    def reacts(self, message: Message, name: str) -> None:
        message.reactions.setdefault(name, []).append(self.id)
        event = payloads.reaction_event("reaction_added", message, name, self.id, self._new_ts())
        self.server.world.publish(self.workspace, event)
        self.server.world.pulse.beat()

    def shares_file(
        self,
        channel: Channel | str,
        name: str,
        data: bytes,
        *,
        text: str = "",
        mimetype: str = "text/plain",
        subtype: str | None = None,
        thread_ts: str | None = None,
    ) -> Message:
        """Upload a file with a comment: file_shared and a message of subtype file_share."""
        world, place = self.server.world, self._joined(channel)
        file = File(
            self.workspace.new_id("F"),
            self.workspace.id,
            name,
            self.id,
            world.now(),
            world.base_url,
        )
        file.data, file.title, file.mimetype, file.is_complete = data, name, mimetype, True
        file.subtype = subtype
        self.workspace.files[file.id] = file
        return share(
            world, self.workspace, place, [file], Draft(self.id, text, thread_ts=thread_ts)
        )

    async def slash(
        self, command: str, text: str = "", channel: Channel | str | None = None
    ) -> Answer:
        """Type a slash command (in the DM with the app unless a channel is given)."""
        place = self._channel(channel or self.dm_channel)
        interactions = self.server.interactions
        form = payloads.slash_form(
            self.server.world, self.workspace, place, self.user, command, text
        )
        form["trigger_id"] = interactions.new_trigger(self.workspace, self.user)
        form["response_url"] = interactions.new_response_url(self.workspace, place, self.user)
        return await interactions.send_command(form)

    async def press(
        self,
        message: Message,
        action_id: str,
        *,
        value: str | None = None,
        filled: dict[str, str] | None = None,
    ) -> Answer:
        """Press a button (or choose in another element); LookupError when it is not there.

        `filled` is what was written into the message's fields before, by label.
        """
        payload = self.press_of(message, action_id, value=value)
        payload["state"] = {"values": payloads.message_state(message.blocks, filled or {})}
        return await self.server.interactions.send_payload(payload)

    def press_of(self, message: Message, action_id: str, *, value: str | None = None) -> Json:
        """Return what pressing sends, for what comes twice."""
        if message.is_deleted:
            raise LookupError(
                f"the message {message.ts!r} was deleted: nobody can press its buttons"
            )
        place = self.workspace.channels[message.channel]
        action = payloads.action_in(message.blocks, action_id, value, self._new_ts())
        payload = self._payload("block_actions", actions=[action])
        payload |= payloads.message_source(self.workspace, place, message)
        payload["response_url"] = self.server.interactions.new_response_url(
            self.workspace, place, self.user, source=message
        )
        return payload

    async def press_in(self, view: View, action_id: str, *, value: str | None = None) -> Answer:
        """Press a button of a modal or of the Home tab."""
        action = payloads.action_in(view.content["blocks"], action_id, value, self._new_ts())
        payload = self._payload(
            "block_actions", actions=[action], view=payloads.view_wire(self.workspace, view)
        )
        payload["container"] = {"type": "view", "view_id": view.id}
        return await self.server.interactions.send_payload(payload)

    async def submits(self, view: View, values: dict[str, str]) -> Answer:
        """Fill in a modal, by action id, and submit it; it closes unless the app objects."""
        state = payloads.form_state(view.content["blocks"], values)
        payload = self._payload(
            "view_submission", view=payloads.view_wire(self.workspace, view, state)
        )
        payload["response_urls"] = []
        answer = await self.server.interactions.send_payload(payload)
        self.server.apply_submission(view, answer)
        return answer

    async def closes(self, view: View) -> Answer | None:
        """Close a modal; the app hears of it only if the view asked for notify_on_close."""
        view.is_open = False
        if not view.content.get("notify_on_close"):
            return None
        payload = self._payload(
            "view_closed", view=payloads.view_wire(self.workspace, view), is_cleared=False
        )
        return await self.server.interactions.send_payload(payload)

    async def shortcut(self, callback_id: str) -> Answer:
        """Choose a global shortcut."""
        payload = self._payload("shortcut", callback_id=callback_id, action_ts=self._new_ts())
        return await self.server.interactions.send_payload(payload)

    async def message_shortcut(self, callback_id: str, message: Message) -> Answer:
        """Choose a shortcut from a message's menu."""
        place = self.workspace.channels[message.channel]
        payload = self._payload("message_action", callback_id=callback_id, action_ts=self._new_ts())
        payload |= payloads.message_source(self.workspace, place, message)
        payload["message_ts"] = message.ts
        payload["response_url"] = self.server.interactions.new_response_url(
            self.workspace, place, self.user
        )
        return await self.server.interactions.send_payload(payload)

    def opens_home(self, tab: str = "home") -> None:
        """Look at the app's Home or Messages tab: app_home_opened."""
        event = {
            "type": "app_home_opened",
            "user": self.id,
            "channel": self.dm_channel.id,
            "tab": tab,
        }
        self.server.world.publish(self.workspace, {**event, "event_ts": self._new_ts()})

    def opens_assistant(
        self, context_channel: Channel | None = None, *, changes: Message | None = None
    ) -> Message:
        """Open the assistant pane (assistant_thread_started); returns the thread's root.

        With the root given as `changes`: look elsewhere while the pane is open
        (assistant_thread_context_changed).
        """
        root = changes or post(
            self.server.world,
            self.workspace,
            self.dm_channel,
            Draft(self.workspace.bot.id, "New assistant thread"),
        )
        kind = "assistant_thread_context_changed" if changes else "assistant_thread_started"
        thread = {
            "user_id": self.id,
            "channel_id": self.dm_channel.id,
            "thread_ts": root.ts,
            "context": {"channel_id": context_channel.id, "team_id": self.workspace.id}
            if context_channel
            else {},
        }
        event: Json = {"type": kind, "assistant_thread": thread, "event_ts": self._new_ts()}
        self.server.world.publish(self.workspace, event)
        return root

    def sees(self, channel: Channel | str | None = None, thread: str | None = None) -> list[str]:
        """The texts on this person's screen, ephemeral ones too; of the DM if nothing is given."""
        return self.server.visible(channel or self.dm_channel, thread, person=self)

    @property
    def modal(self) -> View | None:
        """The modal on top, if one is open."""
        open_ones = [v for v in self._views("modal") if v.is_open]
        return open_ones[-1] if open_ones else None

    @property
    def home(self) -> View | None:
        """What the app has published on its Home tab."""
        return next(iter(self._views("home")), None)

    def _views(self, kind: str) -> list[View]:
        return [
            view
            for view in self.workspace.views.values()
            if view.user == self.id and view.kind == kind
        ]

    def _payload(self, kind: str, **fields: object) -> Json:
        trigger_id = self.server.interactions.new_trigger(self.workspace, self.user)
        return (
            payloads.interaction(self.server.world, self.workspace, self.user, kind, trigger_id)
            | fields
        )

    def _channel(self, channel: Channel | str) -> Channel:
        return self.server.channel_of(self.workspace, channel)

    def _joined(self, channel: Channel | str) -> Channel:
        """The channel; whoever writes in it is a member."""
        place = self._channel(channel)
        if self.id not in place.members:
            place.members.append(self.id)
        return place

    def _new_ts(self) -> str:
        return self.workspace.new_ts(self.server.world.now())

    def _refuse_foreign(self, message: Message) -> None:
        if message.user != self.id:
            raise PermissionError(
                f"{self.user.name} did not write {message.ts!r} and cannot change it"
            )
