"""Whatever many people do on several doors: no word of one ever reaches another.

Each human has a word of their own, a canary, in everything they say. The agents here are
as talkative as can be: they answer with all that they ever heard.
"""

from __future__ import annotations

import asyncio
import io
import logging
import random
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.coordination.sleeptime import Sleeptime
from agents.scripted import HostFault, Say, Step
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import AgentId
from gateway.domain.memory import MemoryBlock
from gateway.domain.people import Identity, Route
from gateway.domain.routing import Routing
from gateway.domain.spans import Span
from gateway.domain.teams import GroupLimits, Watch
from gateway.domain.turns import InputMessage, RunRequest
from gateway.place import Place
from gateway.teamwork import Group
from gateway.telemetry.logs import JsonLines
from gateway.tracer import Tracer
from storage.memory.store import MemoryStore
from tests.fakes.hub import WORKER, FakeHub, FakePerson, HubOptions
from tests.fakes.virtual_time import VirtualTimeLoop
from tests.unit.gateway.test_spans import Gathered

DOORS = ("discord", "slack", "web")
CANARY = re.compile(r"canary\d+x")
COMMON = Conversation("slack", "T1", "Ccommon")


def canary(human: int) -> str:
    return f"canary{human}x"


def place_of(door: str, human: int) -> Conversation:
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
    known: defaultdict[AgentId, list[str]] = field(
        default_factory=lambda: defaultdict[AgentId, list[str]](list)
    )

    def __post_init__(self) -> None:
        roles = {name: Route(name) for name in ("postern", "scribe", "night")}
        night = Group(Sleeptime(("scribe",)), GroupLimits(is_shown=False), Watch("postern", 2))
        options = HubOptions(
            doors=DOORS,
            has_constellation=True,
            routes=Routing(roles, groups=frozenset({"night"})),
            groups={"night": night},
        )
        self.hub = FakeHub(MemoryStore(), options=options)
        self.hub.agents.script = self._repeat_all

    def _repeat_all(self, request: RunRequest) -> Iterable[Step]:
        heard = [item.text for item in request.input if isinstance(item, InputMessage)]
        agent = request.session.agent
        self.known[agent] += heard
        # What it keeps in mind is what people see and change with /memory.
        value = " ".join(self.known[agent])
        self.hub.agents.memory[agent] = {"human": MemoryBlock("human", value, 100_000)}
        return (Say(" ".join(self.known[request.session.agent])),)

    def account(self, human: int, door: int, *, is_common: bool = False) -> FakePerson:
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


Act = Callable[[Town], Awaitable[object]]
VERBS = (
    "/whoami",
    "/status",
    "/cancel",
    "/unlink",
    "/help",
    "/link ABCD2345",
    "/memory human",
    "/search remember",
    "/new",
)


def say(human: int, door: int, is_common: bool) -> Act:
    async def act(town: Town) -> None:
        who = town.account(human % town.humans, door, is_common=is_common)
        await who.says(f"Remember {canary(human % town.humans)}, please.")

    return act


def command(human: int, door: int, verb: int) -> Act:
    return lambda town: town.account(human % town.humans, door).says(VERBS[verb])


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


def trouble(kind: int) -> Act:
    async def act(town: Town) -> None:
        if kind == 0:
            town.hub.agents.host_faults.append(HostFault.LOST_ANSWER)
        elif kind == 1:
            town.hub.agents.host_faults.append(HostFault.LOST_REQUEST)
        else:
            await asyncio.sleep(30)

    return act


HUMAN, DOOR = st.integers(0, 49), st.integers(0, 2)
ACTS = st.one_of(
    st.builds(say, HUMAN, DOOR, st.booleans()),
    st.builds(say, HUMAN, DOOR, st.just(value=False)),
    st.builds(command, HUMAN, DOOR, st.integers(0, len(VERBS) - 1)),
    st.builds(link, HUMAN, DOOR, DOOR),
    st.builds(trouble, st.integers(0, 2)),
)


async def live(town: Town, chapters: list[list[Act]]) -> None:
    """Let people act; between two chapters the process dies on the spot."""
    for chapter in chapters:
        async with town.hub.running():
            for act in chapter:
                await act(town)
    async with town.hub.running():
        await town.settle()


async def leaks(town: Town, logs: str) -> list[str]:
    """Return where a canary is that does not belong there."""
    found = [f"in the log: {word}" for word in CANARY.findall(logs)]
    for agent, texts in town.known.items():
        words = set(CANARY.findall(" ".join(texts)))
        if len(words) > 1:
            found.append(f"{agent} heard {sorted(words)}")
    for human in range(town.humans):
        for door in DOORS:
            place = place_of(door, human)
            words = set(CANARY.findall("".join(town.hub.platform.visible(place.id))))
            found += [f"{place.id} shows {word}" for word in words - {canary(human)}]
    for entry in await town.hub.store.history.audit(0, 100_000):
        words = CANARY.findall(f"{entry.subject} {entry.ref} {dict(entry.data)}")
        found += [f"the audit's {entry.kind} has {word}" for word in words]
    found += [f"a trace has {word}" for word in CANARY.findall(str(await traced(town.hub)))]
    return found


async def traced(hub: FakeHub) -> list[Span]:
    """Return what a collector that wants every twentieth trace would have been given."""
    gathered = Gathered()
    place = Place("tracer", WORKER, hub.store.leases, hub.clock)
    await Tracer(hub.store.history, gathered, place, share=0.05).tell(0)
    return gathered.spans


@contextmanager
def everything_logged() -> Generator[io.StringIO]:
    """Keep all that is logged, at every level, as the gateway would write it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def outcome(town: Town, chapters: list[list[Act]]) -> list[str]:
    async def story() -> list[str]:
        with everything_logged() as logs:
            await live(town, chapters)
            return await leaks(town, logs.getvalue())

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story())


@given(chapters=st.lists(st.lists(ACTS, max_size=12), min_size=1, max_size=3))
def test_no_word_of_one_reaches_another(chapters: list[list[Act]]) -> None:
    assert outcome(Town(humans=4), chapters) == []


@pytest.mark.parametrize("seed", range(2))
def test_fifty_people_on_all_doors_stay_apart(seed: int) -> None:
    dice = random.Random(seed)
    acts = [_drawn(dice) for _ in range(400)]
    town = Town(humans=50)

    assert outcome(town, [acts[:200], acts[200:]]) == []
    # The story was one: nearly everybody spoke, and somebody's accounts were joined.
    assert len({word for texts in town.known.values() for word in CANARY.findall(str(texts))}) > 40
    shown = "".join(message.text for message in town.hub.platform.messages)
    assert "**human**" in shown
    assert any("Look after the memory" in str(texts) for texts in town.known.values())
    assert len(asyncio.run(traced(town.hub))) > 50
    audit = asyncio.run(town.hub.store.history.audit(0, 100_000))
    assert any(entry.kind is AuditKind.PERSON_LINKED for entry in audit)


def _drawn(dice: random.Random) -> Act:
    human, door = dice.randrange(50), dice.randrange(3)
    kind = dice.randrange(10)
    if kind < 6:
        return say(human, door, kind == 0)
    if kind < 8:
        return command(human, door, dice.randrange(len(VERBS)))
    return link(human, door, dice.randrange(3)) if kind == 8 else trouble(dice.randrange(3))


def test_an_agent_of_two_people_would_be_noticed() -> None:
    town = Town(humans=2)
    agent = AgentId("agent-1")
    town.known[agent] = [canary(0), canary(1)]

    assert outcome(town, [[]]) == [f"{agent} heard {[canary(0), canary(1)]}"]
