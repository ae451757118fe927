"""Interactions: opened by people, answered once within 3 s, followed up for 15 min.

Rules and numbers: Discord's reference, "Receiving and Responding to Interactions".
"""

import secrets
from dataclasses import replace

from tests.platforms.discord_server import payloads
from tests.platforms.discord_server.composing import draft_from, read_change, read_draft
from tests.platforms.discord_server.errors import bad_field, refuse
from tests.platforms.discord_server.forms import check_form
from tests.platforms.discord_server.message_forms import (
    CALLBACK_FORM,
    EDIT_FORM,
    WEBHOOK_FORM,
    read_body,
)
from tests.platforms.discord_server.modal_forms import CHOICES_FORM, checked_modal
from tests.platforms.discord_server.records import (
    EVERYTHING,
    Channel,
    Interaction,
    Message,
    MessageFlag,
    MessageKind,
    User,
)
from tests.platforms.discord_server.state import Draft, Upload, World
from tests.platforms.discord_server.wire import Json

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9

_ALLOWED_CALLBACKS = {
    COMMAND: {MESSAGE, DEFERRED, MODAL},
    COMPONENT: {MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL_SUBMIT: {MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE},
}

Uploads = dict[int, Upload]


class Interactions:
    """All interactions ever opened, and the rules for answering them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all: list[Interaction] = []
        self._by_token: dict[str, Interaction] = {}

    def open(
        self, kind: int, user: User, channel: Channel, data: Json, source: Message | None = None
    ) -> Interaction:
        """Record an interaction; whoever delivers it sends `payload`."""
        token = secrets.token_urlsafe(48)
        now = self._world.now()
        identifier = self._world.new_id()
        record = Interaction(identifier, token, kind, user, channel, data, now, source)
        self.all.append(record)
        self._by_token[token] = record
        return record

    def payload(self, record: Interaction) -> Json:
        """Give the interaction as the gateway and the HTTP endpoint get it."""
        world, channel = self._world, record.channel
        body: Json = {
            "id": str(record.id),
            "application_id": str(world.application_id),
            "type": record.type,
            "token": record.token,
            "version": 1,
            "data": record.data,
            "channel_id": str(channel.id),
            "channel": {**payloads.channel(channel, world.bot.id), "permissions": str(EVERYTHING)},
            "app_permissions": str(EVERYTHING & ~channel.denied),
            "locale": "en-US",
            "entitlements": [],
            "authorizing_integration_owners": payloads.integration_owners(record),
            "context": 1 if channel.is_dm else 0,
            "attachment_size_limit": world.settings.file_limit_bytes,
        }
        if record.source is not None:
            body["message"] = world.announce.message_payload(record.source)
        if channel.guild_id is None:
            return {**body, "user": payloads.user(record.user)}
        guild = world.guild(channel.guild_id)
        who = {**payloads.member(record.user, guild), "permissions": str(EVERYTHING)}
        place: Json = {"id": str(guild.id), "locale": "en-US", "features": []}
        about: Json = {"guild_id": str(guild.id), "guild_locale": "en-US", "guild": place}
        return {**body, **about, "member": who}

    # The one callback

    def find(self, identifier: int, token: str) -> Interaction:
        record = self._by_token.get(token)
        if record is None or record.id != identifier:
            raise refuse(10062)
        return record

    def answer(self, record: Interaction, body: Json, uploads: Uploads) -> None:
        """Carry out a callback. Raises 40060 for a second one, 10062 for one too late."""
        if record.is_answered:
            raise refuse(40060)
        now = self._world.now()
        if now - record.created_at > self._world.settings.interaction_answer_seconds:
            raise refuse(10062)
        kind: object = body.get("type")
        if not isinstance(kind, int) or kind not in _ALLOWED_CALLBACKS[record.type]:
            raise bad_field(("type",), "BASE_TYPE_CHOICES", "Invalid interaction response type.")
        self._carry_out(record, kind, body.get("data") or {}, uploads)
        record.callback_type, record.answered_at = kind, now

    def _carry_out(self, record: Interaction, kind: int, data: Json, uploads: Uploads) -> None:
        match kind:
            case 4:
                draft = read_draft(self._world, data, uploads, CALLBACK_FORM)
                record.original = self._post(record, draft)
            case 5:
                flags = read_body(data, CALLBACK_FORM).flags | MessageFlag.LOADING
                record.original = self._post(record, Draft(self._world.bot, "", flags=flags))
            case 6:
                record.original = record.source
            case 7:
                record.original = self._update_source(record, data, uploads)
            case 8:
                check_form(data, CHOICES_FORM).raise_if_any()
                record.choices = data["choices"]
            case _:
                record.modal = checked_modal(data)

    def _update_source(self, record: Interaction, data: Json, uploads: Uploads) -> Message:
        if record.source is None:
            raise bad_field(("type",), "BASE_TYPE_CHOICES", "There is no message to update.")
        self._world.edit(record.source, read_change(self._world, record.source, data, uploads))
        return record.source

    def _post(self, record: Interaction, draft: Draft) -> Message:
        settable = MessageFlag.LOADING | MessageFlag.EPHEMERAL | MessageFlag.COMPONENTS_V2
        flags = draft.flags & (settable | MessageFlag.SUPPRESS_EMBEDS)
        is_reply = record.type == COMMAND
        draft = replace(
            draft,
            kind=MessageKind.CHAT_INPUT_COMMAND if is_reply else MessageKind.DEFAULT,
            flags=flags,
            webhook_id=self._world.application_id,
            interaction=record,
            visible_to=record.user.id if flags & MessageFlag.EPHEMERAL else None,
        )
        return self._world.post(record.channel, draft)

    def callback_response(self, record: Interaction) -> Json:
        """Give the body of a callback that asked `with_response`."""
        about: Json = {"id": str(record.id), "type": record.type}
        body: Json = {"interaction": about}
        if record.original is None:
            return body
        about["response_message_id"] = str(record.original.id)
        about["response_message_loading"] = record.original.is_loading
        about["response_message_ephemeral"] = record.original.is_ephemeral
        kind = UPDATE if record.callback_type in (UPDATE, DEFERRED_UPDATE) else MESSAGE
        message = self._world.announce.message_payload(record.original)
        body["resource"] = {"type": kind, "message": message}
        return body

    # The token's 15 minutes

    def by_token(self, token: str) -> Interaction:
        """Find an answered interaction; raises 10015 unless answered, 50027 when too old."""
        record = self._by_token.get(token)
        if record is None or not record.is_answered:
            raise refuse(10015)
        age = self._world.now() - record.created_at
        if age > self._world.settings.interaction_token_seconds:
            raise refuse(50027)
        return record

    def follow_up(self, record: Interaction, data: Json, uploads: Uploads) -> Message:
        """Post a follow-up; the first one after a deferral fills the placeholder."""
        body = read_body(data, WEBHOOK_FORM)
        if record.original is not None and record.original.is_loading:
            return self.edit(record.original, data, uploads)
        message = self._post(record, draft_from(self._world, body, uploads))
        record.followups.append(message)
        return message

    def edit(self, message: Message, data: Json, uploads: Uploads) -> Message:
        """Edit an answer or a webhook's message; what only a new one can have is dropped."""
        change = {name: value for name, value in data.items() if name in EDIT_FORM}
        check_form(data, WEBHOOK_FORM).raise_if_any()
        self._world.edit(message, read_change(self._world, message, change, uploads))
        return message

    def message(self, record: Interaction, name: str) -> Message:
        """Find "@original" or a follow-up by id; raises 10008 when there is none."""
        candidates = [record.original, *record.followups]
        if name == "@original":
            candidates = [record.original]
        for message in candidates:
            if message is None or message.is_deleted:
                continue
            if name in ("@original", str(message.id)):
                return message
        raise refuse(10008)
