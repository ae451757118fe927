"""The list of all commands, and who carries them out."""

from __future__ import annotations

import logging
import re
from dataclasses import replace

from gateway.choices import note_of
from gateway.commands import (
    approvals,
    archival,
    background,
    banning,
    choosing,
    conversing,
    everyday,
    exporting,
    files,
    linking,
    pairing,
    pausing,
    personal,
    queueing,
    remembering,
    retrying,
    scheduling,
    spending,
    thinking,
    tokens,
    waking,
)
from gateway.commands.command import (
    NOT_YOURS,
    REFUSED,
    UNREACHABLE,
    Asked,
    Command,
    Reach,
    Told,
    may_use,
)
from gateway.commands.everyday import rights_of, who_asks
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.ids import PersonId
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Mode, Route, person_id_of
from gateway.domain.turns import Turn
from gateway.errors import Refused, RuntimeUnavailable

log = logging.getLogger(__name__)

COMMANDS = Route("commands", Mode.SHARED)
"""The lane of a conversation's commands: they never wait behind an agent's turn."""

_ASK = CommandSpec(
    "ask",
    "Ask your agent",
    (CommandArgument("text", "What you want to say; without it a window opens"),),
    is_private=False,
)
"""Reaches the agent as an ordinary message, so nothing here carries it out."""

_CARRIED_OUT: tuple[Command, ...] = (
    *everyday.FAMILY,
    *background.FAMILY,
    *choosing.FAMILY,
    *thinking.FAMILY,
    *approvals.FAMILY,
    *pausing.FAMILY,
    *queueing.FAMILY,
    *banning.FAMILY,
    *linking.FAMILY,
    *remembering.FAMILY,
    *archival.FAMILY,
    *files.FAMILY,
    *conversing.FAMILY,
    *retrying.FAMILY,
    *scheduling.FAMILY,
    *waking.FAMILY,
    *personal.FAMILY,
    *exporting.FAMILY,
    *spending.FAMILY,
    *tokens.FAMILY,
    *pairing.FAMILY,
)
_WHOAMI = CommandSpec("whoami", "Who you are to the gateway, and what you may do")
_HELP = CommandSpec("help", "What you can ask for")

SPECS = (_ASK, *(command.spec for command in _CARRIED_OUT), _WHOAMI, _HELP)
"""Every command, as the platforms register it and as `help` lists it."""


def typed(verb: str, platform: str) -> str:
    """Return how a command is typed: Slack has one space of names for the commands of all apps."""
    return f"/postern {verb}" if platform == "slack" and verb != _ASK.name else f"/{verb}"


async def _help(asked: Asked, reach: Reach) -> str:
    yours = [spec for spec in SPECS if may_use(spec, asked, reach)]
    platform = asked.turn.conversation.platform
    return "\n".join(f"- `{typed(spec.name, platform)}`: {spec.description}" for spec in yours)


async def _whoami(asked: Asked, reach: Reach) -> str:
    """Tell who one is, and alone with who asks also what only they may do."""
    told = [await who_asks(asked, reach)]
    if asked.is_private:
        platform = asked.turn.conversation.platform
        names = [spec.name for spec in SPECS if may_use(spec, asked, reach)]
        yours = [f"`{typed(name, platform)}`" for name in names]
        told += [rights_of(asked, reach), f"Your commands here: {', '.join(yours)}."]
    return "\n".join(told)


_FIRST_WORD = re.compile(r"\S+")
_OF_ALL = (Command(_WHOAMI, _whoami), Command(_HELP, _help))
"""Those that speak of all commands."""
_VERBS = {command.spec.name: command for command in (*_CARRIED_OUT, *_OF_ALL)}


def as_typed(message: InboundMessage) -> InboundMessage:
    """Return a command where somebody typed one as text: `/help` on the web page. Pure.

    The verb of every command is in small letters from here on.
    """
    slash, verb = message.text[:1], message.text[1:].partition(" ")[0].strip().lower()
    is_typed = message.kind is MessageKind.TEXT and slash == "/" and verb in _VERBS
    if not is_typed and message.kind is not MessageKind.COMMAND:
        return message
    text = message.text.strip()[1:] if is_typed else message.text
    text = _FIRST_WORD.sub(lambda word: word[0].lower(), text, count=1)
    return replace(message, kind=MessageKind.COMMAND, text=text)


class Commands:
    """Carries out commands. A repeat after a crash does no harm."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def answer(self, turn: Turn) -> Told:
        """Carry out the commands of a turn and return what their person is told."""
        answers = [await self._answer(turn, message) for message in turn.messages]
        told = [Told(each) if isinstance(each, str) else each for each in answers]
        files = tuple(file for each in told for file in each.files)
        return Told("\n\n".join(each.text for each in told), files)

    async def _answer(self, turn: Turn, message: InboundMessage) -> str | Told:
        words = message.text.strip().split(maxsplit=1)
        verb = words[0].lower() if words else "help"
        command = _VERBS.get(verb)
        if command is None:
            how = typed("help", turn.conversation.platform)
            return f'There is no command "{verb}". `{how}` lists those that there are.'
        person = await self._reach.store.people.find_person(message.sender.identity)
        asker = person.id if person else _of_a_stranger(turn, message)
        arguments = words[1].strip() if len(words) > 1 else ""
        circles = await self._reach.circles.surely_of(message.sender.identity)
        message = replace(message, sender=replace(message.sender, circles=circles))
        role = await self._reach.store.notes.get(asker, note_of(turn.conversation))
        chosen = role if role in self._reach.routes else None
        asked = Asked(turn, message, asker, arguments, chosen)
        not_yours = NOT_YOURS.get(command.spec.tier)
        if not_yours is not None and not may_use(command.spec, asked, self._reach):
            return not_yours
        return await self._carry_out(command, asked)

    async def _carry_out(self, command: Command, asked: Asked) -> str | Told:
        """Do it; a command that fails keeps no answer to another one back."""
        try:
            return await command.carry_out(asked, self._reach)
        except Refused as error:
            about = {"turn": asked.turn.ref.id, "command": command.spec.name}
            log.warning("command_refused", extra={**about, "error": type(error).__name__})
            return REFUSED.format(reason=error)
        except RuntimeUnavailable:
            if command.is_persistent:
                raise
            return UNREACHABLE


def _of_a_stranger(turn: Turn, message: InboundMessage) -> PersonId:
    """Return who asks when nobody has the account: they were forgotten a moment ago. Pure.

    The turn is the first one's who speaks in it, so a repeat is about the same
    person; another one who speaks in it is never taken for them.
    """
    identity = message.sender.identity
    is_first = identity == turn.messages[0].sender.identity
    return turn.person if is_first else person_id_of(identity)
