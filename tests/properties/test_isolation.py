"""Whatever many people do on several doors: no word of one ever reaches another."""

from __future__ import annotations

import asyncio
import io
import logging
import random
import zipfile
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.commands.owned import exports_of
from gateway.domain.artifacts import Contents
from gateway.domain.audit import AuditKind
from gateway.domain.ids import AgentId
from gateway.domain.people import person_id_of
from gateway.domain.spans import Span
from gateway.place import Place
from gateway.telemetry.logs import JsonLines
from gateway.tracer import Tracer
from tests.fakes.hub import WORKER, FakeHub
from tests.fakes.virtual_time import VirtualTimeLoop
from tests.properties.town import (
    CANARY,
    COMMANDS,
    DOORS,
    WISHES,
    Act,
    Town,
    canary,
    command,
    link,
    place_of,
    press,
    say,
    send_file,
    trouble,
    wish,
)
from tests.unit.gateway.test_spans import Gathered

HUMAN, DOOR = st.integers(0, 49), st.integers(0, 2)
ACTS = st.one_of(
    st.builds(say, HUMAN, DOOR, st.booleans()),
    st.builds(say, HUMAN, DOOR, st.just(value=False)),
    st.builds(wish, HUMAN, DOOR, st.integers(0, len(WISHES) - 1), HUMAN),
    st.builds(command, HUMAN, DOOR, st.integers(0, len(COMMANDS) - 1)),
    st.builds(link, HUMAN, DOOR, DOOR),
    st.builds(send_file, HUMAN, DOOR),
    st.builds(press, HUMAN),
    st.builds(trouble, st.integers(0, 2)),
)


POST = list(WISHES).index("post")


async def leaks(town: Town, logs: str) -> list[str]:
    """Return where a canary is that does not belong there."""
    found = [f"in the log: {word}" for word in CANARY.findall(logs)]
    metrics = town.hub.metrics.render().decode()
    found += [f"in the metrics: {word}" for word in CANARY.findall(metrics)]
    found += [*in_agents(town), *await in_places(town), *await in_files(town)]
    for entry in await town.hub.store.history.audit(0, 100_000):
        words = CANARY.findall(f"{entry.subject} {entry.ref} {dict(entry.data)}")
        found += [f"the audit's {entry.kind} has {word}" for word in words]
    found += [f"a trace has {word}" for word in CANARY.findall(str(await traced(town.hub)))]
    return found


def in_agents(town: Town) -> list[str]:
    """Return which agents have the canaries of two people, told or kept."""
    agents, found = town.hub.agents, list[str]()
    for agent in {*town.known, *agents.archive.kept, *agents.files.kept}:
        kept = [data.decode() for _, data in agents.files.kept[agent].values()]
        told = f"{town.known[agent]} {agents.archive.kept[agent]} {kept}"
        words = sorted(set(CANARY.findall(told)))
        found += [f"{agent} heard {words}"] if len(words) > 1 else []
    return found


async def in_places(town: Town) -> list[str]:
    """Return which canaries of others people see, in messages and in what came with them."""
    found: list[str] = []
    for human in range(town.humans):
        for place in (place_of(door, human).id for door in DOORS):
            shown = [each for each in town.hub.platform.messages if each.conversation == place]
            texts = [f"{each.texts} {each.buttons}" for each in shown]
            for file in (file for each in shown for file in each.files):
                contents = await town.artifacts.load(file.artifact)
                texts += [] if contents is None else [in_words(contents)]
            words = set(CANARY.findall(" ".join(texts)))
            found += [f"{place} shows {word}" for word in words - {canary(human)}]
    return found


async def in_files(town: Town) -> list[str]:
    """Return which canaries of others are in what is kept for somebody."""
    return [
        f"{contents.artifact.key} has {word}"
        for human in range(town.humans)
        async for contents in files_of(town, human)
        for word in set(CANARY.findall(in_words(contents))) - {canary(human)}
    ]


async def files_of(town: Town, human: int) -> AsyncGenerator[Contents]:
    """Yield all that is kept for a human under any of their accounts."""
    for door in range(len(DOORS)):
        owner = person_id_of(town.account(human, door).identity)
        listed = await town.artifacts.list(owner, limit=1_000)
        for about in [*listed, *await town.artifacts.list(exports_of(owner))]:
            contents = await town.artifacts.load(about.key)
            assert contents is not None
            yield contents


def in_words(contents: Contents) -> str:
    """Return what a file says; of an archive, what all that is in it says."""
    if contents.artifact.media_type != "application/zip":
        return contents.data.decode()
    with zipfile.ZipFile(io.BytesIO(contents.data)) as archive:
        return " ".join(f"{name} {archive.read(name).decode()}" for name in archive.namelist())


async def traced(hub: FakeHub) -> list[Span]:
    """Return what a collector that wants every twentieth trace would have been given."""
    gathered = Gathered()
    place = Place("tracer", WORKER, hub.store.leases, hub.clock)
    await Tracer(hub.store.history, gathered, place, share=0.05).tell(0)
    return gathered.spans


@contextmanager
def everything_logged(lowest: int = logging.DEBUG) -> Generator[io.StringIO]:
    """Keep all that is logged, at every level from the lowest on, as the gateway would write it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(lowest)
    try:
        yield written
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def outcome(town: Town, chapters: list[list[Act]]) -> list[str]:
    async def story() -> list[str]:
        with everything_logged() as logs:
            await town.live(chapters)
            return await leaks(town, logs.getvalue())

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story())


@given(chapters=st.lists(st.lists(ACTS, max_size=12), min_size=1, max_size=3))
def test_no_word_of_one_reaches_another(chapters: list[list[Act]]) -> None:
    assert outcome(Town(humans=4), chapters) == []


@pytest.mark.parametrize("seed", range(2))
def test_fifty_people_on_all_doors_stay_apart(seed: int) -> None:
    hello, acts = _story(random.Random(seed))
    town = Town(humans=50)

    assert outcome(town, [hello, acts[:250], acts[250:]]) == []
    assert _what_happened(town) == []


def _what_happened(town: Town) -> list[str]:
    """Return what never happened in the story, of all that it is to prove something about."""
    audit = Counter(each.kind for each in asyncio.run(town.hub.store.history.audit(0, 100_000)))
    shown = "".join(message.text for message in town.hub.platform.messages)
    told = str(list(town.known.values()))
    sights = dict.fromkeys(SEEN, shown) | dict.fromkeys(HEARD, told)
    missing = [text for text, where in sights.items() if text not in where]
    missing += [kind for kind in RECORDED if not audit[kind]]
    tools = [tool for calls in WISHES.values() for tool, _ in calls]
    missing += [tool for tool in tools if not town.results[tool, False]]
    missing += [] if town.results["send_message", True] else ["a post that was refused"]
    missing += [] if len(set(CANARY.findall(told))) > 40 else ["that nearly everybody spoke"]
    looked_up = any(town.hub.agents.files.kept.values())
    missing += [] if looked_up else ["a file that an agent looks things up in"]
    missing += [] if len(asyncio.run(traced(town.hub))) > 50 else ["traces"]
    return missing


SEEN = (
    "**human**",
    "- canary",
    "This is all that is kept of you",
    "in the background",
    "is awake, and writes here",
)
"""What people read who did what they could."""
HEARD = ("Look after the memory", "You were woken by hand", "And then?")
"""What agents heard besides."""
RECORDED = (
    AuditKind.PERSON_LINKED,
    AuditKind.PERSON_FORGOTTEN,
    AuditKind.PERSON_EXPORTED,
    AuditKind.TOKEN_OFFERED,
    AuditKind.MEMORY_EDITED,
    AuditKind.DELIVERY_REVISED,
)


def _story(dice: random.Random) -> tuple[list[Act], list[Act]]:
    """Return how everybody comes, and then all that can be done, many times in any order."""

    def who() -> int:
        return dice.randrange(50)

    def door() -> int:
        return dice.randrange(3)

    hello = [say(human, door(), is_common=False) for human in range(50)]
    acts = [say(who(), door(), is_common=number % 5 == 0) for number in range(150)]
    acts += [wish(who(), door(), number % len(WISHES), who()) for number in range(80)]
    acts += [wish(human, door(), POST, human) for human in range(10)]
    acts += [command(who(), door(), number % len(COMMANDS)) for number in range(120)]
    acts += [link(who(), door(), door()) for _ in range(30)]
    acts += [send_file(who(), door()) for _ in range(40)]
    acts += [press(who()) for _ in range(40)]
    acts += [trouble(number % 3) for number in range(30)]
    dice.shuffle(acts)
    return hello, acts


def test_an_agent_of_two_people_would_be_noticed() -> None:
    town = Town(humans=2)
    agent = AgentId("agent-1")
    town.known[agent] = [canary(0), canary(1)]

    assert outcome(town, [[]]) == [f"{agent} heard {[canary(0), canary(1)]}"]
