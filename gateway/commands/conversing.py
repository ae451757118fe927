"""Commands about one's conversations with an agent: begin a new one, see the earlier, go back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from gateway.commands.command import ELSEWHERE, Asked, Command, Reach
from gateway.commands.remembering import NOT_YET
from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.ids import AgentId, SessionId
from gateway.domain.people import ZONE_NOTE, Mode
from gateway.domain.turns import Thread
from gateway.envelope import zone_named

MOST_SHOWN = 20
_LOOKED_THROUGH = 1_000
NOT_YOURS = "This agent is shared with others, so its conversations are not yours to change."
NEW = (
    "This is a new conversation. What your agent remembers of you stays; `/memory` shows it. "
    "`/sessions` leads back to earlier ones."
)
ONLY_ONE = "You have had one conversation with this agent here. `/new` begins another."
HOW = "`/sessions NUMBER` goes back to one, and `/new` begins another."
NO_SUCH = "There is no such conversation of yours here. `/sessions` lists them with their numbers."
_WORDS = 60
"""Characters shown of what was said first."""


async def _new(asked: Asked, reach: Reach) -> str:
    if reach.route_of(asked).mode is not Mode.PERSON:
        return NOT_YOURS
    agent = await reach.agent_of(asked)
    if agent is None:
        return NOT_YET
    place, command = asked.turn.conversation, asked.message.idempotency_key
    await reach.constellation.renew_thread(agent, place, command)
    await _prolong(asked, reach)
    return NEW


async def _sessions(asked: Asked, reach: Reach) -> str:
    if reach.route_of(asked).mode is not Mode.PERSON:
        return NOT_YOURS
    agent = await reach.agent_of(asked)
    if agent is None:
        return NOT_YET
    if asked.arguments:
        return await _go_back(asked, reach, agent)
    if not asked.is_private:
        return ELSEWHERE
    threads = await _threads(asked, reach, agent, MOST_SHOWN)
    if not threads:
        return ONLY_ONE
    present = await reach.store.people.session(agent, asked.turn.conversation.id)
    zone = zone_named(await reach.store.notes.get(asked.person, ZONE_NOTE))
    return _listed(threads, present, zone)


async def _go_back(asked: Asked, reach: Reach, agent: AgentId) -> str:
    number, place = asked.arguments.removeprefix("#"), asked.turn.conversation
    threads = await _threads(asked, reach, agent, _LOOKED_THROUGH)
    wanted = next((each for each in threads if str(each.number) == number), None)
    if wanted is None:
        return NO_SUCH
    command = asked.message.idempotency_key
    await reach.constellation.resume_thread(agent, place, wanted.id, command)
    await _prolong(asked, reach)
    return f"You are back in conversation {number}: your agent knows what was said there."


async def _prolong(asked: Asked, reach: Reach) -> None:
    """Let what is said next be said here, however long ago the last word was."""
    if reach.renewals is not None:
        role, place = reach.route_of(asked).role, asked.turn.conversation
        await reach.renewals.prolong(asked.person, role, place, asked.message.sent_at)


async def _threads(asked: Asked, reach: Reach, agent: AgentId, limit: int) -> list[Thread]:
    """Return the asker's own, here: those in which they said something to this agent."""
    place = asked.turn.conversation
    lane = reach.route_of(asked).lane(asked.person, place)
    return await reach.store.people.threads(agent, place.id, lane, limit)


def _listed(threads: Sequence[Thread], present: SessionId | None, zone: tzinfo) -> str:
    """Return the list that people read, newest first. Pure."""
    lines = [_line(each, is_present=each.id == present, zone=zone) for each in threads]
    return "\n".join([*lines, HOW])


def _line(thread: Thread, *, is_present: bool, zone: tzinfo) -> str:
    moment = f"{thread.began_at.astimezone(zone):%Y-%m-%d %H:%M} {zone}"
    flat = " ".join(thread.words.split())
    words = f"{flat[:_WORDS]}{'…' if len(flat) > _WORDS else ''}" or "not kept any more"
    return f"- {thread.number}: {moment}: {words}{' (this one)' if is_present else ''}"


FAMILY = (
    Command(CommandSpec("new", "Begin a new conversation; memory stays"), _new),
    Command(
        CommandSpec(
            "sessions",
            "Your earlier conversations here; go back to one",
            (CommandArgument("number", "The conversation to go back to"),),
        ),
        _sessions,
    ),
)
