"""Webhooks of channels, the token routes of interactions, and the interaction callback."""

import secrets
from dataclasses import replace

from tests.platforms.discord_server import payloads
from tests.platforms.discord_server.composing import body_of, draft_from
from tests.platforms.discord_server.errors import refuse
from tests.platforms.discord_server.forms import Field, Form, check_form
from tests.platforms.discord_server.interactions import Interactions
from tests.platforms.discord_server.message_forms import WEBHOOK_FORM, read_body
from tests.platforms.discord_server.permissions import require
from tests.platforms.discord_server.records import Channel, Message, Permission, User, Webhook
from tests.platforms.discord_server.requests import NO_CONTENT, Answer, Call, Handler, Route
from tests.platforms.discord_server.state import World

_NEW_WEBHOOK: Form = {
    "name": Field("string", 80, 1, required=True),
    "avatar": Field("string"),
}


class Webhooks:
    def __init__(self, world: World, interactions: Interactions) -> None:
        self._world = world
        self._interactions = interactions

    def routes(self) -> list[Route]:
        place, one = "/channels/{channel_id}/webhooks", "/webhooks/{webhook_id}"
        keyed = f"{one}/{{webhook_token}}"
        message = f"{keyed}/messages/{{message_id}}"
        callback = "/interactions/{interaction_id}/{interaction_token}/callback"
        return [
            Route("POST", callback, self.callback, needs_token=False, counts_globally=False),
            Route("POST", place, self.create),
            Route("GET", place, self.listing),
            Route("GET", one, self.get),
            Route("DELETE", one, self.delete),
            _keyed("GET", keyed, self.get_with_token),
            _keyed("DELETE", keyed, self.delete_with_token),
            _keyed("POST", keyed, self.execute),
            _keyed("GET", message, self.get_message),
            _keyed("PATCH", message, self.edit_message),
            _keyed("DELETE", message, self.delete_message),
        ]

    # Interactions

    def callback(self, call: Call) -> Answer:
        """Answer an interaction: 204, or 200 with the message when `with_response` is set."""
        token = call.params["interaction_token"]
        record = self._interactions.find(call.id("interaction_id"), token)
        self._interactions.answer(record, body_of(call), call.uploads)
        if not call.flag("with_response"):
            return NO_CONTENT
        return Answer(200, self._interactions.callback_response(record))

    # Both kinds: an application's id in the path means an interaction's token

    def execute(self, call: Call) -> Answer:
        """Post. Without `wait` a channel's webhook answers 204; an interaction always 200."""
        if self._is_interaction(call):
            record = self._interactions.by_token(call.params["webhook_token"])
            message = self._interactions.follow_up(record, body_of(call), call.uploads)
            return self._rendered(message)
        message = self._post(self._find_with_token(call), call)
        return self._rendered(message) if call.flag("wait") else NO_CONTENT

    def get_message(self, call: Call) -> Answer:
        return self._rendered(self._message(call))

    def edit_message(self, call: Call) -> Answer:
        message = self._message(call)
        edited = self._interactions.edit(message, body_of(call), call.uploads)
        return self._rendered(edited)

    def delete_message(self, call: Call) -> Answer:
        self._world.delete(self._message(call))
        return NO_CONTENT

    # Webhooks of channels

    def create(self, call: Call) -> Answer:
        channel = self._world.channel(call.id("channel_id"))
        if channel.is_dm:
            raise refuse(50003)
        require(self._world, channel, Permission.MANAGE_WEBHOOKS)
        body = body_of(call)
        check_form(body, _NEW_WEBHOOK).raise_if_any()
        token = secrets.token_urlsafe(48)
        identifier, creator = self._world.new_id(), self._world.bot
        guild_id = channel.guild_id
        hook = Webhook(identifier, token, channel.id, guild_id, body["name"], creator)
        self._world.webhooks[hook.id] = hook
        return self._shown(hook)

    def listing(self, call: Call) -> Answer:
        channel = self._world.channel(call.id("channel_id"))
        require(self._world, channel, Permission.MANAGE_WEBHOOKS)
        hooks = [one for one in self._world.webhooks.values() if one.channel_id == channel.id]
        return Answer(200, [payloads.webhook(one, self._world.base_url) for one in hooks])

    def get(self, call: Call) -> Answer:
        return self._shown(self._find(call))

    def get_with_token(self, call: Call) -> Answer:
        return self._shown(self._find_with_token(call))

    def delete(self, call: Call) -> Answer:
        del self._world.webhooks[self._find(call).id]
        return NO_CONTENT

    def delete_with_token(self, call: Call) -> Answer:
        del self._world.webhooks[self._find_with_token(call).id]
        return NO_CONTENT

    def _post(self, hook: Webhook, call: Call) -> Message:
        body = read_body(body_of(call), WEBHOOK_FORM)
        draft = draft_from(self._world, body, call.uploads)
        writer = User(hook.id, body.username or hook.name, bot=True)
        draft = replace(draft, author=writer, webhook_id=hook.id)
        return self._world.post(self._target(hook, call), draft)

    def _target(self, hook: Webhook, call: Call) -> Channel:
        thread_id = call.query.get("thread_id")
        if thread_id is None:
            return self._world.channel(hook.channel_id)
        thread = self._world.channel(int(thread_id))
        if thread.parent_id != hook.channel_id:
            raise refuse(10003)
        return thread

    def _message(self, call: Call) -> Message:
        name = call.params["message_id"]
        if self._is_interaction(call):
            record = self._interactions.by_token(call.params["webhook_token"])
            return self._interactions.message(record, name)
        hook = self._find_with_token(call)
        message = self._world.message(self._target(hook, call), call.id("message_id"))
        if message.webhook_id != hook.id:
            raise refuse(10008)
        return message

    def _is_interaction(self, call: Call) -> bool:
        return call.id("webhook_id") == self._world.application_id

    def _find(self, call: Call) -> Webhook:
        hook = self._world.webhooks.get(call.id("webhook_id"))
        if hook is None:
            raise refuse(10015)
        return hook

    def _find_with_token(self, call: Call) -> Webhook:
        hook = self._find(call)
        if not secrets.compare_digest(hook.token, call.params["webhook_token"]):
            raise refuse(50027)
        return hook

    def _shown(self, hook: Webhook) -> Answer:
        return Answer(200, payloads.webhook(hook, self._world.base_url))

    def _rendered(self, message: Message) -> Answer:
        return Answer(200, self._world.announce.message_payload(message))


def _keyed(method: str, template: str, handler: Handler) -> Route:
    return Route(method, template, handler, needs_token=False, counts_globally=False)
