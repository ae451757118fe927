"""`/_control`: what a test says in Python, for tests that run this Slack as a process.

Every call takes and gives JSON. `channel` is an id or a name; left out, it is the DM of `person`.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from aiohttp import web

from tests.platforms.slack_server.faults import CallFault, EventFault
from tests.platforms.slack_server.shapes import Json, is_list, is_object
from tests.platforms.slack_server.state import Channel, Message

if TYPE_CHECKING:
    from tests.platforms.slack_server.people import Person
    from tests.platforms.slack_server.server import SlackServer

_EVENT_FAULTS = ("duplicate", "swap", "both_ways", "drop")


class Control:
    """`GET` for looking, `POST` for doing: `/_control/{name}`; the names are the methods below."""

    def __init__(self, server: "SlackServer") -> None:
        self._server = server
        self._doing: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "say": self._say,
            "mention": self._mention,
            "edit": self._edit,
            "delete": self._delete,
            "slash": self._slash,
            "press": self._press,
            "channel": self._make_channel,
            "events_url": self._set_events_url,
            "fault": self._add_fault,
            "clear_faults": self._clear_faults,
            "settings": self._change_settings,
        }
        self._looking: dict[str, Callable[[Json], Json]] = {
            "visible": self._visible,
            "messages": self._messages,
            "log": self._log,
            "urls": self._urls,
        }

    async def handle(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if request.method == "GET" and name in self._looking:
            return web.json_response(self._looking[name](dict(request.query)))
        if request.method != "POST" or name not in self._doing:
            raise web.HTTPNotFound(text=f"no {request.method} {name!r} here")
        body: object = json.loads(await request.read() or b"{}")
        if not is_object(body):
            raise web.HTTPBadRequest(text="a JSON object is expected")
        return web.json_response(await self._doing[name](body))

    def _person(self, body: Json) -> "Person":
        return self._server.person(body["person"], body.get("workspace", "acme"))

    def _channel(self, body: Json) -> Channel:
        if not body.get("channel"):
            return self._person(body).dm_channel
        workspace = self._server.workspace(body.get("workspace", "acme"))
        return self._server.channel_of(workspace, body["channel"])

    def _message(self, body: Json) -> Message:
        return self._channel(body).messages[body["ts"]]

    async def _say(self, body: Json) -> Json:
        """{person, text, channel?, thread_ts?, workspace?} -> {channel, ts}."""
        message = self._person(body).says(
            self._channel(body), body["text"], thread_ts=body.get("thread_ts")
        )
        return {"channel": message.channel, "ts": message.ts}

    async def _mention(self, body: Json) -> Json:
        message = self._person(body).mentions(
            self._channel(body), body["text"], thread_ts=body.get("thread_ts")
        )
        return {"channel": message.channel, "ts": message.ts}

    async def _edit(self, body: Json) -> Json:
        """{person, channel?, ts, text}."""
        self._person(body).edits(self._message(body), body["text"])
        return {}

    async def _delete(self, body: Json) -> Json:
        self._person(body).deletes(self._message(body))
        return {}

    async def _slash(self, body: Json) -> Json:
        """{person, command, text?, channel?} -> the app's answer."""
        answer = await self._person(body).slash(
            body["command"], body.get("text", ""), self._channel(body)
        )
        return asdict(answer)

    async def _press(self, body: Json) -> Json:
        """{person, channel?, ts, action_id, value?} -> the app's answer."""
        answer = await self._person(body).press(
            self._message(body), body["action_id"], value=body.get("value")
        )
        return asdict(answer)

    async def _make_channel(self, body: Json) -> Json:
        """{channel, kind?, workspace?} -> {id}."""
        channel = self._server.channel(
            body["channel"], body.get("workspace", "acme"), kind=body.get("kind", "channel")
        )
        return {"id": channel.id}

    async def _set_events_url(self, body: Json) -> Json:
        """{url}; null means Socket Mode."""
        self._server.events_url = body["url"]
        return {}

    async def _add_fault(self, body: Json) -> Json:
        """{kind, method, times?, ...} or {kind, event, times?, ...}, as in faults.py."""
        kind = EventFault if body["kind"] in _EVENT_FAULTS else CallFault
        self._server.faults.add(kind(**body))
        return {}

    async def _clear_faults(self, _: Json) -> Json:
        self._server.faults.clear()
        return {}

    async def _change_settings(self, body: Json) -> Json:
        """Any fields of SlackSettings."""
        settings = self._server.settings
        for field in fields(settings):
            if field.name in body:
                value = body[field.name]
                setattr(settings, field.name, tuple(value) if is_list(value) else value)
        return {}

    def _visible(self, query: Json) -> Json:
        """?channel=&thread=&person=&workspace= -> {texts}."""
        person = self._person(query) if "person" in query else None
        texts = self._server.visible(
            self._channel(query),
            query.get("thread"),
            person=person,
            workspace=query.get("workspace", "acme"),
        )
        return {"texts": texts}

    def _messages(self, query: Json) -> Json:
        """Everything that was ever posted in a channel, threads and deleted ones included."""
        messages = self._channel(query).messages.values()
        return {"messages": [_remembered(message) for message in messages]}

    def _log(self, _: Json) -> Json:
        return {
            "calls": [asdict(call) for call in self._server.calls()],
            "attempts": [asdict(attempt) for attempt in self._server.attempts],
            "in_flight": self._server.events.in_flight,
        }

    def _urls(self, _: Json) -> Json:
        server = self._server
        return {
            "base_url": server.base_url,
            "api_url": server.api_url,
            "control_url": f"{server.base_url}/_control/",
            "authorize_url": server.authorize_url,
            "bot_token": server.bot_token(),
            "app_token": server.app.app_token,
            "signing_secret": server.app.signing_secret,
            "client_id": server.app.client_id,
            "client_secret": server.app.client_secret,
        }

    def urls(self) -> Json:
        """What a client needs to know to use this Slack."""
        return self._urls({})


def _remembered(message: Message) -> Json:
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "user": message.user,
        "is_by_app": message.is_by_app,
        "ephemeral_for": message.ephemeral_for,
        "is_deleted": message.is_deleted,
        "shown": message.shown,
        "metadata": message.metadata,
        "revisions": [revision.text for revision in message.revisions],
    }
