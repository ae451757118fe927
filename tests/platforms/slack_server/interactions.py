"""What people do with the app: commands, buttons, forms, shortcuts; triggers and response_urls.

None of these is tried again when the app does not answer, as in Slack.
"""

import json
import time
from dataclasses import dataclass
from itertools import count

import aiohttp

from tests.platforms.slack_server.checks import check_content
from tests.platforms.slack_server.events import EventSender
from tests.platforms.slack_server.messages import Draft, delete, edit, post
from tests.platforms.slack_server.refusals import Refused
from tests.platforms.slack_server.shapes import Json, is_object
from tests.platforms.slack_server.socket_mode import Sockets
from tests.platforms.slack_server.state import Channel, Message, User, Workspace
from tests.platforms.slack_server.world import World


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app said at once. `reason` is None when it acknowledged in time."""

    status: int | None
    body: Json
    reason: str | None
    latency_seconds: float
    trigger_id: str
    response_url: str | None = None

    @property
    def is_acknowledged(self) -> bool:
        return self.reason is None


@dataclass(slots=True)
class Trigger:
    workspace: Workspace
    user: User
    expires_at: float
    is_used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """A way back to the place of one interaction."""

    workspace: Workspace
    channel: Channel
    user: User
    expires_at: float
    uses_left: int
    source: Message | None = None  # what replace_original and delete_original mean


class Interactions:
    """Sends interactions to where events go, unless `url` or `commands_url` say otherwise."""

    def __init__(self, world: World, events: EventSender, sockets: Sockets) -> None:
        self.url: str | None = None
        self.commands_url: str | None = None
        self.answers: list[Answer] = []
        self._world = world
        self._events = events
        self._sockets = sockets
        self._triggers: dict[str, Trigger] = {}
        self._links: dict[str, ResponseUrl] = {}
        self._numbers = count(1)

    def new_trigger(self, workspace: Workspace, user: User) -> str:
        trigger_id = f"{next(self._numbers)}.{workspace.id}.trigger"
        self._triggers[trigger_id] = Trigger(
            workspace, user, self._world.now() + self._world.settings.trigger_seconds
        )
        return trigger_id

    def redeem_trigger(self, workspace: Workspace, trigger_id: object) -> User:
        """Whose interaction it was. A trigger works once and for three seconds."""
        trigger = self._triggers.get(trigger_id) if isinstance(trigger_id, str) else None
        if trigger is None or trigger.workspace is not workspace:
            raise Refused("invalid_trigger_id")
        if trigger.is_used:
            raise Refused("exchanged_trigger_id")
        if self._world.now() > trigger.expires_at:
            raise Refused("expired_trigger_id")
        trigger.is_used = True
        return trigger.user

    def new_response_url(
        self, workspace: Workspace, channel: Channel, user: User, source: Message | None = None
    ) -> str:
        settings = self._world.settings
        link_id = f"{workspace.id}-{next(self._numbers)}"
        expires_at = self._world.now() + settings.response_url_seconds
        link = ResponseUrl(workspace, channel, user, expires_at, settings.response_url_uses, source)
        self._links[link_id] = link
        return f"{self._world.base_url}/response/{link_id}"

    async def send_command(self, form: dict[str, str]) -> Answer:
        """Send a slash command and show the person what the acknowledgement says."""
        started = time.perf_counter()
        try:
            if self._events.via == "http":
                url = self.commands_url or self._events.url or ""
                status, text = await self._events.post_form(url, form)
            else:
                body = await self._sockets.send("slash_commands", dict[str, object](form))
                status, text = 200, json.dumps(body) if body else ""
            answer = self._read(status, text, started, form["trigger_id"], form["response_url"])
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            answer = self._failed(error, started, form["trigger_id"], form["response_url"])
        if answer.is_acknowledged and answer.body:
            self._show(self._links[form["response_url"].rpartition("/")[2]], answer.body)
        return answer

    async def send_payload(self, payload: Json) -> Answer:
        """Send an interaction (block_actions, view_submission, shortcuts)."""
        started = time.perf_counter()
        trigger_id, response_url = payload.get("trigger_id", ""), payload.get("response_url")
        try:
            if self._events.via == "http":
                url = self.url or self._events.url or ""
                status, text = await self._events.post_form(url, {"payload": json.dumps(payload)})
            else:
                body = await self._sockets.send("interactive", payload)
                status, text = 200, json.dumps(body) if body else ""
        except (TimeoutError, OSError, aiohttp.ClientError) as error:
            return self._failed(error, started, trigger_id, response_url)
        return self._read(status, text, started, trigger_id, response_url)

    def _read(
        self, status: int, text: str, started: float, trigger_id: str, response_url: str | None
    ) -> Answer:
        parsed: object = (
            json.loads(text) if text.startswith("{") else {"text": text} if text else {}
        )
        reason = None if status == 200 else "dispatch_failed"
        body = parsed if is_object(parsed) else {}
        answer = Answer(
            status, body, reason, time.perf_counter() - started, trigger_id, response_url
        )
        self.answers.append(answer)
        self._world.pulse.beat()
        return answer

    def _failed(
        self, error: Exception, started: float, trigger_id: str, response_url: str | None
    ) -> Answer:
        reason = "operation_timeout" if isinstance(error, TimeoutError) else "dispatch_failed"
        answer = Answer(None, {}, reason, time.perf_counter() - started, trigger_id, response_url)
        self.answers.append(answer)
        self._world.pulse.beat()
        return answer

    def respond(self, link_id: str, body: Json) -> None:
        """A POST to a response_url. Refused with `used_url` or `expired_url` when worn out."""
        link = self._links.get(link_id)
        if link is None:
            raise Refused("invalid_url")
        if self._world.now() > link.expires_at:
            raise Refused("expired_url")
        if link.uses_left <= 0:
            raise Refused("used_url")
        link.uses_left -= 1
        self._show(link, body)

    def _show(self, link: ResponseUrl, body: Json) -> None:
        text: str = body.get("text") or ""
        blocks: list[Json] = body.get("blocks") or []
        if body.get("delete_original") and link.source:
            delete(self._world, link.workspace, link.source)
            return
        check_content(text or None, None, blocks, body.get("attachments") or [])
        if body.get("replace_original") and link.source and not link.source.is_deleted:
            edit(self._world, link.workspace, link.source, text, blocks)
            return
        is_public = body.get("response_type") == "in_channel"
        draft = Draft(
            user=link.workspace.bot.id,
            text=text,
            blocks=blocks,
            thread_ts=body.get("thread_ts"),
            ephemeral_for=None if is_public else link.user.id,
        )
        shown = post(self._world, link.workspace, link.channel, draft)
        link.source = link.source or shown
