"""The control API of a server that runs by itself: JSON over HTTP below /_control.

For tests that kill the process under test while this one remembers.
"""

import json
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from tests.platforms.discord_server.faults import (
    CutBefore,
    Delay,
    Fail,
    LoseReply,
    TooMany,
    Trouble,
)
from tests.platforms.discord_server.people import shown_text
from tests.platforms.discord_server.records import Channel, Interaction, Message
from tests.platforms.discord_server.server import DiscordServer
from tests.platforms.discord_server.wire import Json

PREFIX = "/_control"

Act = Callable[[Json], Awaitable[object]]


class Control:
    """Lets another process be the people, script faults and read what is visible."""

    def __init__(self, server: DiscordServer) -> None:
        self._server = server

    def mount(self, app: web.Application) -> None:
        acts: dict[str, Act] = {
            "say": self.say,
            "edit": self.edit,
            "delete": self.delete,
            "react": self.react,
            "slash": self.slash,
            "press": self.press,
            "visible": self.visible,
            "messages": self.messages,
            "faults": self.add_fault,
            "clear-faults": self.clear_faults,
            "gateway": self.gateway,
            "limits": self.limits,
            "interactions-url": self.interactions_url,
            "interaction": self.interaction,
            "log": self.log,
            "state": self.state,
        }
        for name, act in acts.items():
            app.router.add_post(f"{PREFIX}/{name}", _serving(act))

    async def say(self, body: Json) -> object:
        """{person, text, channel?}: write; into the DM with the bot when no channel is named."""
        person = self._server.person(body["person"])
        return _told(person.says(self._channel(body), body["text"]))

    async def edit(self, body: Json) -> object:
        """{person, message, text}"""
        message = self._message(body)
        self._server.person(body["person"]).edits(message, body["text"])
        return _told(message)

    async def delete(self, body: Json) -> object:
        """{person, message}"""
        message = self._message(body)
        self._server.person(body["person"]).deletes(message)
        return _told(message)

    async def react(self, body: Json) -> object:
        """{person, message, emoji}"""
        message = self._message(body)
        self._server.person(body["person"]).reacts(message, body["emoji"])
        return _told(message)

    async def slash(self, body: Json) -> object:
        """{person, command, options?, channel?}: gives the interaction's id."""
        person = self._server.person(body["person"])
        options = cast(Json, body.get("options") or {})
        record = await person.slash(body["command"], channel=self._channel(body), **options)
        return _told_interaction(record)

    async def press(self, body: Json) -> object:
        """{person, message, button}"""
        person = self._server.person(body["person"])
        return _told_interaction(await person.press(self._message(body), body["button"]))

    async def interaction(self, body: Json) -> object:
        """{interaction}: how far its answer got."""
        for record in self._server.interactions.all:
            if str(record.id) == str(body["interaction"]):
                return _told_interaction(record)
        raise LookupError(f"There is no interaction {body['interaction']}.")

    async def visible(self, body: Json) -> object:
        """{channel} or {person}: the texts shown there now, oldest first."""
        seer = self._server.person(body["person"]).user if "person" in body else None
        return self._server.visible(self._channel(body), to=seer)

    async def messages(self, body: Json) -> object:
        """{channel} or {person}: every message with all it ever said, deleted ones too."""
        return [_told(message) for message in self._channel(body).messages]

    async def add_fault(self, body: Json) -> object:
        """{where, trouble, times?, skip?, status?, seconds?, scope?}; times null: always."""
        times = cast(int | None, body.get("times", 1))
        skip = int(body.get("skip") or 0)
        self._server.faults.add(body["where"], _trouble(body), times=times, skip=skip)
        return {}

    async def clear_faults(self, body: Json) -> object:
        self._server.faults.clear()
        return {}

    async def gateway(self, body: Json) -> object:
        """{do, shard?, code?, resumable?, event?, times?}: trouble on the gateway."""
        gateway, shard = self._server.gateway, cast(int | None, body.get("shard"))
        acts: dict[str, Callable[[], None]] = {
            "cut": lambda: gateway.cut(code=body.get("code"), shard=shard),
            "reconnect": lambda: gateway.reconnect(shard=shard),
            "invalidate": lambda: gateway.invalidate(
                resumable=bool(body.get("resumable")), shard=shard
            ),
            "forget": gateway.forget,
            "repeat": lambda: gateway.repeat(body["event"], int(body.get("times") or 1)),
            "drop": lambda: gateway.drop(body["event"], int(body.get("times") or 1)),
            "go-down": gateway.go_down,
            "come-back": gateway.come_back,
        }
        acts[body["do"]]()
        return {}

    async def limits(self, body: Json) -> object:
        """{enabled, global_per_second?}"""
        self._server.limits.enabled = bool(body["enabled"])
        if "global_per_second" in body:
            self._server.limits.global_per_second = int(body["global_per_second"])
        return {}

    async def interactions_url(self, body: Json) -> object:
        """{url}: send interactions there instead of over the gateway; null: gateway again."""
        self._server.application.interactions_url = body["url"]
        return {}

    async def log(self, body: Json) -> object:
        """{where?}: requests, oldest first, each with its status (null: no answer seen)."""
        entries = self._server.log.find(body.get("where") or "* *")
        return [
            {
                "at": entry.at,
                "method": entry.call.method,
                "path": entry.call.path,
                "body": entry.call.body,
                "status": entry.status,
                "carried_out": entry.carried_out,
                "trouble": entry.trouble,
            }
            for entry in entries
        ]

    async def state(self, body: Json) -> object:
        gateway = self._server.gateway
        return {
            **describe(self._server),
            "live_sessions": len(gateway.live),
            "identifies": gateway.identifies,
            "invalidations": gateway.invalidations,
            "commands": [command["name"] for command in self._server.commands.registered],
            "requests": len(self._server.log.entries),
            "rate_limited": self._server.limits.refused,
        }

    def _channel(self, body: Json) -> Channel:
        """Find the place by id or name; without one, the person's DM."""
        wanted = body.get("channel")
        if wanted is None:
            return self._server.person(body["person"]).dm_channel
        for channel in self._server.world.channels.values():
            if str(wanted) in (str(channel.id), channel.name) and not channel.is_dm:
                return channel
        return self._server.world.channels[int(wanted)]

    def _message(self, body: Json) -> Message:
        return self._server.world.messages[int(body["message"])]


def describe(server: DiscordServer) -> Json:
    """Give what a client and a driver need to reach this server."""
    return {
        "api_url": server.api_url,
        "gateway_url": server.gateway_url,
        "control_url": server.world.base_url + PREFIX,
        "token": server.token,
        "application_id": str(server.world.application_id),
        "public_key": server.signer.public_key,
        "guild": str(server.house.id),
        "general": str(server.general.id),
    }


def _serving(act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            answer = await act(json.loads(raw or b"{}"))
        except (LookupError, ValueError, TypeError) as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response(answer)

    return serve


def _told(message: Message) -> Json:
    return {
        "id": str(message.id),
        "channel": str(message.channel_id),
        "author": message.author.name,
        "is_bot": message.author.bot,
        "shown": shown_text(message),
        "texts": message.texts,
        "nonce": message.nonce,
        "reactions": message.reactions,
        "is_deleted": message.is_deleted,
        "is_ephemeral": message.is_ephemeral,
        "is_loading": message.is_loading,
        "created_at": message.created_at,
        "edited_at": message.edited_at,
    }


def _told_interaction(record: Interaction) -> Json:
    return {
        "id": str(record.id),
        "callback_type": record.callback_type,
        "texts": record.texts,
        "failures": record.failures,
    }


def _trouble(body: Json) -> Trouble:
    seconds = float(body.get("seconds") or 0)
    match body["trouble"]:
        case "lose_reply":
            return LoseReply()
        case "cut":
            return CutBefore()
        case "fail":
            return Fail(int(body.get("status") or 503), bool(body.get("carried_out")))
        case "too_many":
            return TooMany(seconds, body.get("scope") or "user")
        case "delay":
            return Delay(seconds)
        case other:
            raise ValueError(f'"{other}" is no trouble that can be scripted here.')
