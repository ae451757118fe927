"""A town of people on several doors, each with a word of their own, a canary, in all they say.

The agents here are as talkative and as careless as can be: they answer with every canary that
they ever heard, and write it down wherever a tool lets them.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from agents.coordination.sleeptime import Sleeptime
from agents.scripted import Ask, HostFault, Say, Step
from gateway.domain.artifacts import Attachment, attachment_key
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock
from gateway.domain.people import Identity, Route
from gateway.domain.routing import Routing
from gateway.domain.teams import GroupLimits, Watch
from gateway.domain.tools import ToolCall, ToolResult
from gateway.domain.turns import InputMessage, RunRequest
from gateway.groups import Group
from gateway.teamwork import Teamwork
from scheduler.reminders import ReminderDesk
from storage.artifacts.memory import MemoryArtifacts
from storage.memory.store import MemoryStore
from tests.fakes.hub import FakeHub, FakePerson, HubOptions
from tests.fakes.virtual_time import LoopClock
from toolbox.asking import asking_tools
from toolbox.canvas import canvas_tools
from toolbox.executor import Executor
from toolbox.files import file_tools
from toolbox.notes import note_tools
from toolbox.registry import Registry, Tool
from toolbox.reminders import reminder_tools
from toolbox.shared_state import shared_state_tools
from toolbox.talking import talking_tools

DOORS = ("discord", "slack", "web")
CANARY = re.compile(r"canary\d+x")
COMMON = Conversation("slack", "T1", "Ccommon")
_WISH = re.compile(r"Do (\w+) for (\S+),")
"""How people here have their agents use tools."""

WORDS, PLACE = "WORDS", "PLACE"
_BOARD: dict[str, object] = {
    "name": "board",
    "components": [{"type": "text", "text": WORDS}, {"type": "button", "label": "And then?"}],
}
WISHES: dict[str, tuple[tuple[str, dict[str, object]], ...]] = {
    "board": (("show", _BOARD),),
    "cleaning": (("show", _BOARD), ("take_back", {"name": "board"})),
    "notes": (("note_for_all", {"text": WORDS}), ("search_notes", {"words": "canary"})),
    "state": (("set_shared_state", {"key": "who", "value": WORDS}), ("list_shared_state", {})),
    "files": (
        ("save_file", {"name": "all.txt", "text": WORDS}),
        ("read_file", {"name": "all.txt"}),
        ("attach_file", {"name": "all.txt"}),
    ),
    "replies": (("suggest_replies", {"replies": [WORDS]}),),
    "post": (
        ("send_message", {"conversation": PLACE, "text": WORDS}),
        ("search_history", {"words": "canary"}),
    ),
    "reminder": (("schedule_reminder", {"when": "in 10 minutes", "text": WORDS}),),
    "asking": (("ask_agent", {"role": "scribe", "question": WORDS}),),
}
"""Which calls agents make, one after the other, with all they know and somebody else's place."""


def canary(human: int) -> str:
    """Return the word that belongs to this human alone."""
    return f"canary{human}x"


def place_of(door: str, human: int) -> Conversation:
    """Return where the human talks with their agents alone."""
    workspace = {"discord": "dm", "slack": "T1", "web": "postern"}[door]
    channel = f"D{human}" if door == "slack" else f"u{human}"
    return Conversation(door, workspace, channel)


@dataclass
class Town:
    """People with an account on every door, and agents that repeat all that they know.

    One agent of each person listens, and another tends what they share.
    """

    humans: int
    hub: FakeHub = field(init=False)
    artifacts: MemoryArtifacts = field(init=False)
    known: defaultdict[AgentId, list[str]] = field(
        default_factory=lambda: defaultdict[AgentId, list[str]](list)
    )
    """All that agents were ever told, by people and by tools."""
    plans: dict[AgentId, Iterator[ToolCall]] = field(
        default_factory=dict[AgentId, Iterator[ToolCall]]
    )
    """What each agent calls next."""
    asked: dict[str, str] = field(default_factory=dict[str, str])
    """The tool of each call, by its id."""
    results: Counter[tuple[str, bool]] = field(default_factory=Counter[tuple[str, bool]])
    """What calls came to, by the tool and whether it was a failure."""

    def __post_init__(self) -> None:
        roles = {name: Route(name) for name in ("postern", "scribe", "night")}
        night = Group(Sleeptime(("scribe",)), GroupLimits(is_shown=False), Watch("postern", 2))
        self.artifacts = MemoryArtifacts(LoopClock())
        options = HubOptions(
            doors=DOORS,
            has_constellation=True,
            routes=Routing(roles, groups=frozenset({"night"})),
            groups={"night": night},
            artifacts=self.artifacts,
            tickers=1,
        )
        self.hub = FakeHub(MemoryStore(), options=options)
        self.hub.toolbox = Executor(Registry(self._tools()))
        self.hub.agents.script = self._tell_all

    def _tools(self) -> list[Tool]:
        store, clock = self.hub.store, self.hub.clock
        return [
            *canvas_tools(store, clock),
            *note_tools(self.artifacts),
            *shared_state_tools(self.artifacts),
            *file_tools(self.artifacts),
            *talking_tools(store, clock, {}),
            *reminder_tools(ReminderDesk(store.schedules, clock)),
            *asking_tools(Teamwork(store, clock, self.hub.routes)),
        ]

    def _tell_all(self, request: RunRequest) -> Iterable[Step]:
        agent, newest = request.session.agent, request.input[-1]
        self.known[agent] += [item.text for item in request.input]
        returned = [item for item in request.input if isinstance(item, ToolResult)]
        self.results.update((self.asked[item.call_id], item.is_error) for item in returned)
        words = " ".join(sorted(set(CANARY.findall(str(self.known[agent])))))
        # What it keeps in mind is what people see and change with /memory.
        self.hub.agents.memory[agent] = {"human": MemoryBlock("human", words, 100_000)}
        if isinstance(newest, InputMessage):
            self.plans[agent] = self._calls(newest.text, words)
        if call := next(self.plans[agent], None):
            return (Ask((call,)),)
        return (Say(f"I know {words}."),)

    def _calls(self, text: str, words: str) -> Iterator[ToolCall]:
        wished = _WISH.search(text)
        if wished is None:
            return
        for tool, arguments in WISHES[wished[1]]:
            said = json.dumps(arguments).replace(WORDS, words).replace(PLACE, wished[2])
            call = ToolCall(f"call-{len(self.asked)}", tool, said)
            self.asked[call.id] = tool
            yield call

    def account(self, human: int, door: int, *, is_common: bool = False) -> FakePerson:
        """Return the human as one door knows them."""
        name = DOORS[door]
        workspace = {"discord": "discord", "slack": "T1", "web": "local"}[name]
        # All of them are called the same, so that nothing can go by the name.
        identity = Identity(name, workspace, f"account{human}")
        place = COMMON if is_common and name == "slack" else place_of(name, human)
        return FakePerson(self.hub, "Sam", place, identity)

    async def settle(self) -> None:
        """Wait until nobody waits for anything."""
        while True:
            counts = await self.hub.store.history.counts()
            if not (counts.turns_running or counts.lanes_ready or counts.deliveries_open):
                return
            await asyncio.sleep(1)

    async def live(self, chapters: list[list[Act]]) -> None:
        """Let people act; between two chapters the process dies on the spot."""
        for chapter in chapters:
            async with self.hub.running():
                for act in chapter:
                    await act(self)
        async with self.hub.running():
            await self.settle()
            # Until the reminders have come.
            await asyncio.sleep(1_200)
            await self.settle()


# -- what people do ------------------------------------------------------------------------------

Act = Callable[[Town], Awaitable[object]]
COMMANDS = (
    ("/whoami", "/status", "/help", "/usage"),
    ("/cancel",),
    ("/unlink",),
    ("/link ABCD2345",),
    ("/memory human add {canary}", "/memory human"),
    ("/search remember",),
    ("/archival add {canary}", "/archival"),
    ("/files",),
    ("/export",),
    ("/new", "/sessions", "/sessions 1"),
    ("/retry",),
    ("/bg Keep {canary} in mind.", "/bg list"),
    ("/heartbeat Think of {canary}.",),
    ("/remind in 5 minutes {canary}", "/schedule list"),
    ("/queue collect 2",),
    ("/queue drop",),
    ("/queue queue",),
    ("/token new {canary}", "/token"),
    ("/agent scribe",),
    ("/agent postern",),
    ("/forget everything",),
)
"""What people do by commands, one after the other."""


def say(human: int, door: int, is_common: bool) -> Act:
    """Let a human say their word, where it is theirs alone or among others."""

    async def act(town: Town) -> None:
        who = town.account(human % town.humans, door, is_common=is_common)
        await who.says(f"Remember {canary(human % town.humans)}, please.")

    return act


def wish(human: int, door: int, number: int, other: int) -> Act:
    """Let a human have tools used, on somebody else's place where they take one."""

    async def act(town: Town) -> None:
        place = place_of(DOORS[door], other % town.humans).id
        name = list(WISHES)[number]
        who = town.account(human % town.humans, door)
        await who.says(f"Do {name} for {place}, and remember {canary(human % town.humans)}.")

    return act


def command(human: int, door: int, number: int) -> Act:
    """Let a human give commands."""

    async def act(town: Town) -> None:
        for text in COMMANDS[number]:
            said = text.format(canary=canary(human % town.humans))
            await town.account(human % town.humans, door).says(said)

    return act


def link(human: int, shown: int, typed: int) -> Act:
    """Let a human join two accounts of theirs, as they would: by the code that they see."""

    async def act(town: Town) -> None:
        first = town.account(human % town.humans, shown)
        await first.says("/link")
        await town.settle()
        codes = re.findall(r"\*\*(\w{8})\*\*", "".join(first.sees))
        if codes:
            await town.account(human % town.humans, typed).says(f"/link {codes[-1]}")

    return act


def send_file(human: int, door: int) -> Act:
    """Let a human send a file with their word in it, for their agent to look things up in."""

    async def act(town: Town) -> None:
        who = town.account(human % town.humans, door)
        message = town.hub.message(who, "Here is a file.")
        key = attachment_key(who.identity, message.event_id, 0, "own.txt")
        data = canary(human % town.humans).encode()
        await town.artifacts.save(key, data)
        sent = (Attachment("own.txt", "text/plain", len(data), key),)
        await town.hub.inbox.receive(replace(message, attachments=sent))
        await who.says("/files add")

    return act


def press(human: int) -> Act:
    """Let a human press the newest button that they see."""

    async def act(town: Town) -> None:
        accounts = {
            each.conversation.id: each
            for each in (town.account(human % town.humans, door) for door in range(len(DOORS)))
        }
        shown = [each for each in town.hub.platform.messages if each.conversation in accounts]
        if pressable := [each for each in shown if each.buttons]:
            newest = pressable[-1]
            await accounts[newest.conversation].says(newest.buttons[0].says)

    return act


def trouble(kind: int) -> Act:
    """Lose what is said between the gateway and the agents, or let time pass."""

    async def act(town: Town) -> None:
        if kind == 0:
            town.hub.agents.host_faults.append(HostFault.LOST_ANSWER)
        elif kind == 1:
            town.hub.agents.host_faults.append(HostFault.LOST_REQUEST)
        else:
            await asyncio.sleep(30)

    return act
