"""Commands by which people make their agents come back by themselves."""

from __future__ import annotations

from dataclasses import replace

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach, first_word
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.conversations import OPTED_OUT
from gateway.errors import BadInput
from gateway.ports import PersonalSchedules
from gateway.ports.personal import Wish

_NONE = "Nothing can be scheduled here."
_HOW = (
    "Say `/schedule add every weekday 8:30 look for new papers`, `/schedule list`, or `show`, "
    "`pause`, `resume`, `remove` or `run` with the name that the list shows."
)
_TELLS = ("", "list", "show")
"""Verbs whose answer tells what else a person has planned."""
_CHANGES = ("show", "pause", "resume", "remove", "run")


async def _remind(asked: Asked, reach: Reach) -> str:
    if reach.wakeups is None:
        return _NONE
    if not asked.arguments:
        return "Say when and what: `/remind tomorrow at 9 call Ada`."
    try:
        return await reach.wakeups.add(_wish(asked, reach, asked.arguments), repeats=False)
    except BadInput as error:
        return str(error)


async def _schedule(asked: Asked, reach: Reach) -> str:
    if reach.wakeups is None:
        return _NONE
    try:
        return await _do(asked, reach, reach.wakeups)
    except BadInput as error:
        return str(error)


async def _do(asked: Asked, reach: Reach, wakeups: PersonalSchedules) -> str:
    verb, rest = first_word(asked.arguments)
    if verb.lower() in _TELLS and not asked.is_private:
        return ELSEWHERE
    match verb.lower():
        case "" | "list":
            return await wakeups.list(asked.person)
        case "add" if rest:
            return await wakeups.add(_wish(asked, reach, rest), repeats=True)
        case change if change in _CHANGES and rest:
            return await wakeups.change(asked.person, change, rest, asked.message.sent_at)
        case _:
            return _HOW


async def _timezone(asked: Asked, reach: Reach) -> str:
    if reach.wakeups is None:
        return _NONE
    try:
        return await reach.wakeups.set_zone(asked.person, asked.arguments)
    except BadInput as error:
        return str(error)


async def _broadcasts(asked: Asked, reach: Reach) -> str:
    place = replace(asked.message.conversation, thread=None)
    match asked.arguments.lower():
        case "off" if place.is_direct:
            await reach.store.notes.put(place.id, OPTED_OUT, "off")
            return "You get no broadcasts here any more. `/broadcasts on` brings them back."
        case "on" if place.is_direct:
            await reach.store.notes.drop(place.id, OPTED_OUT)
            return "You get broadcasts here."
        case _:
            return "Say `/broadcasts off` or `/broadcasts on` where you are alone with me."


def _wish(asked: Asked, reach: Reach, text: str) -> Wish:
    message = asked.message
    return Wish(
        person=asked.person,
        sender=message.sender,
        conversation=message.conversation,
        role=reach.route_of(asked).role,
        text=text,
        key=message.idempotency_key,
        at=message.sent_at,
    )


FAMILY = (
    Command(
        CommandSpec(
            "remind",
            "Be reminded once",
            (CommandArgument("text", "When and what: tomorrow at 9 call Ada", is_required=True),),
        ),
        _remind,
    ),
    Command(
        CommandSpec(
            "schedule",
            "Let your agent come back by itself",
            (
                CommandArgument(
                    "text", "add WHEN WHAT, list; show, pause, resume, remove or run NAME"
                ),
            ),
        ),
        _schedule,
    ),
    Command(
        CommandSpec(
            "timezone",
            "Say which clock your times of day are on",
            (CommandArgument("zone", "Such as Europe/Vienna"),),
        ),
        _timezone,
    ),
    Command(
        CommandSpec(
            "broadcasts",
            "Whether you get what the operator sends to all",
            (CommandArgument("state", "on or off"),),
        ),
        _broadcasts,
    ),
)
