"""People of the tests: they write, edit, react, use slash commands, press buttons, and read."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server import interactions as kinds
from tests.platforms.discord_server.composing import draft_of_person
from tests.platforms.discord_server.message_forms import walk_components
from tests.platforms.discord_server.records import (
    Channel,
    Interaction,
    Message,
    MessageFlag,
    User,
)
from tests.platforms.discord_server.select_forms import STRING_SELECT, chosen_values
from tests.platforms.discord_server.state import Change, Upload
from tests.platforms.discord_server.wire import Json, listed

if TYPE_CHECKING:
    from tests.platforms.discord_server.server import DiscordServer

Option = str | int | float | bool | User
_SUBCOMMAND, _GROUP, _USER = 1, 2, 6
_BUTTON, _LINK = 2, 5
_MESSAGE_COMMAND = 3
_LABEL = 18


class Person:
    """One human on this Discord, in every guild that was there when they came."""

    def __init__(self, server: "DiscordServer", user: User) -> None:
        self._server = server
        self._world = server.world
        self.user = user

    @property
    def name(self) -> str:
        return self.user.name

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def dm_channel(self) -> Channel:
        """The DM with the bot."""
        return self._world.dm_with(self.user)

    # Writing: carried out at once, events are on their way when it returns

    def dm(self, text: str, *, files: Sequence[Upload] = ()) -> Message:
        """Write to the bot directly."""
        return self.says(self.dm_channel, text, files=files)

    def says(
        self,
        channel: Channel,
        text: str,
        *,
        files: Sequence[Upload] = (),
        reply_to: Message | None = None,
    ) -> Message:
        """Write into a channel; `<@id>` in the text pings."""
        draft = draft_of_person(self._world, self.user, text, tuple(files), reply_to)
        return self._world.post(channel, draft)

    def speaks(self, data: bytes, channel: Channel | None = None) -> Message:
        """Send a voice message: one recording, no words, and the flag that says what it is."""
        voice = Upload(
            "voice-message.ogg", data, "audio/ogg", duration_secs=1.3, waveform="AEAgYP8="
        )
        draft = draft_of_person(self._world, self.user, "", (voice,), None)
        flagged = replace(draft, flags=MessageFlag.IS_VOICE_MESSAGE)
        return self._world.post(channel or self.dm_channel, flagged)

    def edits(self, message: Message, text: str) -> None:
        self._own(message)
        change = draft_of_person(self._world, self.user, text, (), None)
        self._world.edit(message, Change(content=text, mentions=change.mentions))

    def deletes(self, message: Message) -> None:
        self._own(message)
        self._world.delete(message)

    def reacts(self, message: Message, emoji: str) -> None:
        self._world.react(message, self.user, emoji)

    def types(self, channel: Channel | None = None) -> None:
        self._world.start_typing(channel or self.dm_channel, self.user)

    def forbids_dms(self) -> None:
        """From now on the bot's DMs are refused with 50007."""
        self.user.allows_dms = False

    # Interactions: over the gateway they return once sent; over HTTP, once answered

    async def slash(
        self, name: str, *, channel: Channel | None = None, **options: Option
    ) -> Interaction:
        """Use a registered command; "schedule add" means a subcommand. `LookupError` if none."""
        place = channel or self.dm_channel
        command = self._server.commands.named(name.split()[0], place.guild_id)
        data = command_data(command, name, options)
        return await self._server.deliver(kinds.COMMAND, self.user, place, data)

    async def press(self, message: Message, button: str) -> Interaction:
        """Press a button, named by its label or custom_id; `LookupError` if it is not there."""
        item = _button(message, button)
        data: Json = {"custom_id": item["custom_id"], "component_type": _BUTTON, "id": 1}
        return await self._server.deliver(
            kinds.COMPONENT, self.user, self._channel(message), data, message
        )

    async def chooses(self, message: Message, custom_id: str, *values: str) -> Interaction:
        """Choose options in a select menu, named by label or value; `LookupError` if not there."""
        for _, item in walk_components(message.revisions[-1].components):
            if item.get("custom_id") == custom_id:
                data: Json = {"custom_id": custom_id, "component_type": item["type"], "id": 1}
                data["values"] = chosen_values(item, values)
                place = self._channel(message)
                return await self._server.deliver(kinds.COMPONENT, self.user, place, data, message)
        raise LookupError(f'There is no menu "{custom_id}" on this message.')

    async def submits(self, interaction: Interaction, **values: str) -> Interaction:
        """Fill in the modal that an interaction was answered with, by the fields' custom_id."""
        if interaction.modal is None:
            raise LookupError("This interaction was not answered with a modal.")
        parts = [_filled_in(part, values) for part in interaction.modal["components"]]
        data: Json = {"custom_id": interaction.modal["custom_id"], "components": parts}
        return await self._server.deliver(
            kinds.MODAL_SUBMIT, self.user, interaction.channel, data, interaction.source
        )

    async def asks_about(self, message: Message, name: str) -> Interaction:
        """Choose a command in a message's menu; `LookupError` if it is not registered."""
        channel = self._channel(message)
        command = self._server.commands.named(name, channel.guild_id, kind=_MESSAGE_COMMAND)
        shown = self._world.announce.message_payload(message)
        data: Json = {"id": command["id"], "name": name, "type": _MESSAGE_COMMAND}
        data["target_id"] = str(message.id)
        data["resolved"] = {"messages": {str(message.id): shown}}
        return await self._server.deliver(kinds.COMMAND, self.user, channel, data)

    async def begins(self, name: str, **typed: str) -> Interaction:
        """Type the beginning of one argument of a command; what fits comes as `choices`."""
        command = self._server.commands.named(name, None)
        known: dict[str, Json] = {one["name"]: one for one in listed(command, "options")}
        options = [
            {"name": key, "type": known[key]["type"], "value": value, "focused": True}
            for key, value in typed.items()
            if known[key].get("autocomplete")
        ]
        if not options:
            raise LookupError(f'No argument of "{name}" asks for completions.')
        data: Json = {"id": command["id"], "name": name, "type": 1, "options": options}
        return await self._server.deliver(kinds.AUTOCOMPLETE, self.user, self.dm_channel, data)

    # Reading

    def sees(self, channel: Channel | None = None) -> list[str]:
        """Give the texts this person sees now, oldest first, ephemeral ones for them included."""
        return self._server.visible(channel or self.dm_channel, to=self.user)

    @property
    def inbox(self) -> list[str]:
        """What the bot says in this person's DM now, oldest first."""
        return [shown_text(message) for message in self.inbox_messages]

    @property
    def inbox_messages(self) -> list[Message]:
        return [
            message
            for message in self._server.messages(self.dm_channel, to=self.user)
            if message.author.bot and not message.is_loading
        ]

    async def hears(self, text: str, *, timeout: float = PATIENCE_SECONDS) -> Message:  # noqa: ASYNC109
        """Wait until a message of the bot in this DM holds `text`; `TimeoutError` otherwise."""
        return await self._server.until(lambda: self._heard(text), timeout=timeout)

    def _heard(self, text: str) -> Message | None:
        found = [one for one in self.inbox_messages if text in shown_text(one)]
        return found[0] if found else None

    def _own(self, message: Message) -> None:
        if message.author is not self.user:
            raise ValueError(f"{self.name} did not write this message.")

    def _channel(self, message: Message) -> Channel:
        return self._world.channels[message.channel_id]


def command_data(command: Json, name: str, options: dict[str, Option]) -> Json:
    """Make the data of a command interaction; unknown or missing options are a `LookupError`."""
    users = {str(one.id): one for one in options.values() if isinstance(one, User)}
    data: Json = {"id": command["id"], "name": command["name"], "type": 1}
    path = name.split()[1:]
    data["options"] = _nested(command, path, options)
    if users:
        data["resolved"] = {"users": {key: _resolved(user) for key, user in users.items()}}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return data


def _nested(node: Json, path: list[str], options: dict[str, Option]) -> list[Json]:
    known: dict[str, Json] = {one["name"]: one for one in listed(node, "options")}
    if path:
        inner = known.get(path[0])
        if inner is None or inner["type"] not in (_SUBCOMMAND, _GROUP):
            raise LookupError(f'"{node["name"]}" has no subcommand "{path[0]}".')
        below = _nested(inner, path[1:], options)
        return [{"type": inner["type"], "name": inner["name"], "options": below}]
    missing = {key for key, one in known.items() if one.get("required")} - options.keys()
    unknown = options.keys() - known.keys()
    if missing or unknown:
        raise LookupError(f'"{node["name"]}": missing {missing}, unknown {unknown}.')
    return [
        {"name": key, "type": known[key]["type"], "value": _option_value(value)}
        for key, value in options.items()
    ]


def _option_value(value: Option) -> str | int | float | bool:
    return str(value.id) if isinstance(value, User) else value


def _resolved(user: User) -> Json:
    return {
        "id": str(user.id),
        "username": user.name,
        "discriminator": "0",
        "avatar": None,
        "public_flags": 0,
    }


def _button(message: Message, wanted: str) -> Json:
    for _, item in walk_components(message.revisions[-1].components):
        if item.get("type") != _BUTTON or item.get("style") == _LINK:
            continue
        if wanted in (item.get("label"), item.get("custom_id")):
            if item.get("disabled"):
                raise LookupError(f'The button "{wanted}" is disabled.')
            return item
    raise LookupError(f'There is no button "{wanted}" on this message.')


def _filled_in(part: Json, values: dict[str, str]) -> Json:
    """Give a part of a modal as it is submitted: a label keeps its field, a row its fields."""
    if part["type"] == _LABEL:
        return {"type": _LABEL, "id": 1, "component": _field(part["component"], values)}
    fields = [_field(field, values) for field in part["components"]]
    return {"type": part["type"], "id": 1, "components": fields}


def _field(field: Json, values: dict[str, str]) -> Json:
    name = field["custom_id"]
    if field["type"] == STRING_SELECT:
        wanted = (values[name],) if name in values else ()
        chosen = chosen_values({**field, "min_values": 0}, wanted)
        return {"type": STRING_SELECT, "id": 2, "custom_id": name, "values": chosen}
    return {"type": field["type"], "id": 2, "custom_id": name, "value": values.get(name, "")}


def shown_text(message: Message) -> str:
    """Give all that a person reads of a message: text, embeds, text displays."""
    last = message.revisions[-1]
    parts = [last.content]
    for embed in last.embeds:
        parts += [embed.get("title") or "", embed.get("description") or ""]
    parts += [item.get("content") or "" for _, item in walk_components(last.components)]
    return "\n".join(part for part in parts if part)
