"""What people ask of the gateway itself: the commands, and what each answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

from gateway.domain.commands import CommandArgument, CommandSpec
from gateway.domain.ids import LaneId
from gateway.domain.messages import InboundMessage, MessageKind
from gateway.domain.people import Route
from gateway.domain.turns import Turn
from gateway.ports import AgentRuntime, Store

COMMANDS = Route("commands", is_shared=True)
"""The lane of a conversation's commands: they never wait behind an agent's turn."""

SPECS = (
    CommandSpec(
        "ask",
        "Ask your agent",
        (CommandArgument("text", "What you want to say", is_required=True),),
        is_private=False,
    ),
    CommandSpec("cancel", "Stop what your agent is doing here"),
    CommandSpec("status", "How the gateway and your agent are"),
    CommandSpec("whoami", "Who you are to the gateway"),
    CommandSpec("help", "What you can ask for"),
)
"""Every command, as the platforms register it. `/ask` reaches the agent as an ordinary message."""


_TYPED = {f"/{spec.name}" for spec in SPECS if spec.name != "ask"}


def as_typed(message: InboundMessage) -> InboundMessage:
    """Return a command where somebody typed one as text: `/help` on the web page. Pure."""
    verb = message.text.partition(" ")[0].strip().lower()
    if message.kind is not MessageKind.TEXT or verb not in _TYPED:
        return message
    return replace(message, kind=MessageKind.COMMAND, text=message.text.strip()[1:])


class RunningTurns(Protocol):
    """Whoever can stop a turn."""

    async def stop(self, lane: LaneId) -> bool:
        """Stop the turn that runs in the lane; False when none does."""
        ...


class Commands:
    """Carries out commands. A repeat after a crash does no harm."""

    def __init__(
        self,
        store: Store,
        runtime: AgentRuntime,
        routes: Mapping[str, Route],
        running: RunningTurns,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._routes = routes
        self._running = running
        self._verbs: Mapping[str, Callable[[Turn, InboundMessage], Awaitable[str]]] = {
            "cancel": self._cancel,
            "status": self._status,
            "whoami": self._whoami,
            "help": self._help,
        }

    async def answer(self, turn: Turn) -> str:
        """Carry out the commands of a turn and return what their person is told."""
        answers = [await self._answer(turn, message) for message in turn.messages]
        return "\n\n".join(answers)

    async def _answer(self, turn: Turn, message: InboundMessage) -> str:
        words = message.text.split()
        verb = words[0].lower() if words else "help"
        carry_out = self._verbs.get(verb)
        if carry_out is None:
            return f'There is no command "{verb}". `help` lists those that there are.'
        return await carry_out(turn, message)

    async def _cancel(self, turn: Turn, message: InboundMessage) -> str:
        # Of who asks: in a channel, commands of several people may share a turn.
        person = await self._store.people.find_person(message.sender.identity)
        asker = person.id if person else turn.person
        lanes = [route.lane(asker, turn.conversation) for route in self._routes.values()]
        stopped = [await self._running.stop(lane) for lane in lanes]
        return "Stopped." if any(stopped) else "Nothing is running for you right now."

    async def _status(self, turn: Turn, message: InboundMessage) -> str:
        runtime = await self._runtime.health()
        counts = await self._store.history.counts()
        return (
            f"- Agents: {runtime.sentence}\n"
            f"- Turns: {counts.turns_running} running, {counts.lanes_ready} waiting\n"
            f"- Messages on their way out: {counts.deliveries_open}"
        )

    async def _whoami(self, turn: Turn, message: InboundMessage) -> str:
        sender = message.sender
        agents = ", ".join(self._routes)
        return (
            f"You are {sender.name or 'somebody without a name'}, known here as "
            f"`{sender.identity.key}`. Your agents: {agents}."
        )

    async def _help(self, turn: Turn, message: InboundMessage) -> str:
        return "\n".join(f"- `{spec.name}`: {spec.description}" for spec in SPECS)
