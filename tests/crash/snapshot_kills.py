"""Many kills of a deployment's only worker, each with its disk: what a SQLite file on Modal loses.

The ingress, the tick and Modal's queue live on, as do the platforms, Letta and its model.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from letta_client import AsyncLetta

from agents.embedded.server import serve
from deploy.secret import REQUIRED_KEYS
from tests.crash.cloud import Cloud
from tests.crash.container import JOURNAL, MOUNT, Journal, Mount
from tests.crash.kills import (
    END,
    TOKEN,
    Echo,
    Load,
    OnSlack,
    heard_by_letta,
    letta_options,
    missing,
)
from tests.crash.parts import known_to
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.discord_server import DiscordServer, Interaction, ServerSettings
from tests.platforms.slack_server import SlackServer, SlackSettings
from tests.unit.agents.embedded.chat_endpoint import serving

GRACE_SECONDS = 10.0  # in place of Modal's 30
_SLOWER = 5
"""A listener brings a channel's next message when the one before is in a snapshot."""
COMMITTED_WITHIN_SECONDS = 1.0
"""A row's own time is taken this long before its commit at most."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What went with one worker's disk."""

    is_sound: bool
    """Whether the newest snapshot is whole, and the beginning of what the disk held."""
    rows: int
    """Audit rows that are in no snapshot."""
    seconds: float
    """How old the oldest of them was."""
    window_seconds: float
    """How long ago the newest snapshot was begun."""
    returned: int
    """Requests that the worker had returned from, and that are in no snapshot."""

    @property
    def is_beyond_the_window(self) -> bool:
        """Whether something was lost that the newest snapshot should have."""
        return self.seconds > self.window_seconds + COMMITTED_WITHIN_SECONDS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What it came to. All that must be zero is named in `faults`."""

    kills: int
    written: int
    acknowledged_late: int
    """Requests that were not acknowledged at the first try, in time."""
    unsound: int
    beyond_the_window: int
    returned_and_gone: int
    lost: int
    """Messages that were acknowledged and whose answer nobody ever saw."""
    failed: int
    """Requests that a worker could not take: nobody brings them again."""
    agents_too_many: int
    rows_lost: int
    """Audit rows that went with a disk; what they tell of was done again."""
    longest_loss_seconds: float
    longest_window_seconds: float
    heard_twice: int
    """Messages that an agent was told again, together with what came after them."""
    doubled: int
    """Answers that were seen twice, because their receipts went with a disk."""
    seconds: float

    @property
    def faults(self) -> dict[str, int]:
        """Return what broke a promise; empty when none is broken."""
        names = (
            "acknowledged_late", "unsound", "beyond_the_window", "returned_and_gone", "lost",
            "failed", "agents_too_many",
        )  # fmt: skip
        return {name: found for name in names if (found := getattr(self, name))}


class ByCommand:
    """Discord's commands by signed request, which it never sends again."""

    def __init__(self, server: DiscordServer, url: str) -> None:
        self._server = server
        self._asked: defaultdict[str, list[Interaction]] = defaultdict(list)
        server.application.interactions_url = f"{url}/discord/interactions"

        self.late: set[str] = set()
        """What nobody acknowledged in time: its person was told so."""

    async def write(self, person: str, text: str) -> None:
        """Ask, and wait until it was acknowledged."""
        asked = await self._server.person(person).slash("ask", text=text)
        self._asked[person].append(asked)
        if not asked.is_answered:
            self.late.add(text)

    def shown(self, person: str) -> list[str]:
        """Return what the answers are now."""
        return [text for each in self._asked[person] for text in each.texts]


class ByMessage:
    """Discord's DMs, which the listener hears, or finds in the channel afterwards."""

    def __init__(self, server: DiscordServer) -> None:
        self._server = server

    async def write(self, person: str, text: str) -> None:
        """Write."""
        self._server.person(f"{person} of messages").dm(text)

    def shown(self, person: str) -> list[str]:
        """Return what the bot said."""
        return self._server.said_by_bot(self._server.person(f"{person} of messages").dm_channel)


Door = ByCommand | ByMessage | OnSlack


@dataclass
class Containers:
    """Starts the parts. Of what a container had, only the Volume is there for the next one."""

    folder: Path
    cloud: Cloud
    settings: Mapping[str, str]
    _made: int = 0

    @property
    def volume(self) -> Path:
        """What all workers see."""
        return self.folder / "volume"

    @property
    def disk(self) -> Path:
        """The newest container's own."""
        return self.folder / f"disk{self._made}"

    async def start(self, part: str) -> Process:
        """Start one; it may not be ready yet."""
        self._made += 1
        environ = {
            **self.settings,
            "PATH": os.environ["PATH"],
            "POSTERN_DATA_DIR": str(self.disk),
            "POSTERN_ACCESS__MESSAGES_PER_MINUTE": "0",
            "VOLUME": str(self.volume),
            "CLOUD": str(self.cloud.port),
        }
        with (self.folder / f"{part}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.crash.container", part,
                env=environ, stdout=PIPE, stderr=log,
            )  # fmt: skip

    @asynccontextmanager
    async def running(self, part: str) -> AsyncGenerator[str]:
        """Run one until the end of the block; yields the first line that it said."""
        process = await self.start(part)
        try:
            yield await first_line(process)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), GRACE_SECONDS)
            except TimeoutError:  # it waits for a worker that is gone
                process.kill()
                await process.wait()


async def first_line(process: Process) -> str:
    """Wait until a container is ready; returns what it says then."""
    assert process.stdout is not None
    said = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
    return said.decode().strip()


def lost_with(disk: Path, volume: Path, returned: Iterable[str], died_at: float) -> Loss | None:
    """Compare a dead worker's disk with the newest snapshot; None when it had not begun."""
    live, newest = disk / "postern.db", max((volume / "snapshots").glob("snap-*.db"), default=None)
    published = Journal(disk / JOURNAL).last_published()
    if not live.exists() or newest is None or published is None:
        return None
    before, kept = _contents(live), _contents(newest)
    gone = before.rows[len(kept.rows) :]
    oldest = min((at for _, at in gone), default=died_at)
    return Loss(
        is_sound=kept.is_sound and before.rows[: len(kept.rows)] == kept.rows,
        rows=len(gone),
        seconds=died_at - oldest,
        window_seconds=died_at - published,
        returned=len(set(returned) - kept.texts),
    )


@dataclass(frozen=True, slots=True)
class _Contents:
    is_sound: bool
    rows: list[tuple[str, float]]
    """Of the audit log, in order, with their times."""
    texts: set[str]
    """Every word that a message brought."""


def _contents(database: Path) -> _Contents:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
        audit = connection.execute("SELECT seq, kind, ref, at FROM audit ORDER BY seq").fetchall()
        texts = connection.execute("SELECT text FROM inbox").fetchall()
    # Rows of one commit share a time; only its first one has it written.
    rows: list[tuple[str, float]] = []
    moment = 0.0
    for number, kind, ref, at in audit:
        moment = moment if at is None else at / 1e6
        rows.append((f"{number} {kind} {ref}", moment))
    return _Contents(
        found == "ok", rows, {word for (text,) in texts for word in TOKEN.findall(text)}
    )


class Storm:
    """People who write, and a worker that is killed with its disk again and again."""

    def __init__(
        self, containers: Containers, discord: DiscordServer, doors: Sequence[Door]
    ) -> None:
        self._containers = containers
        self.cloud = containers.cloud
        self._discord = discord
        self._numbers = count()
        self.written: dict[Door, dict[str, str]] = {door: {} for door in doors}
        """Word to person, in order, of what was acknowledged."""
        self.losses: list[Loss] = []

    async def rage(self, load: Load) -> None:
        """Kill so many workers while people write; then let one live until all is answered."""
        chance = random.Random(load.seed)
        people = [
            (door, f"person{number}") for door in self.written for number in range(load.people)
        ]
        async with self._containers.running("worker"):
            await self._discord.connected()
            await self._discord.until(lambda: self._discord.commands.registered)
            # A listener asks after a gap in those DMs that were heard in before.
            await asyncio.gather(*(self._write(*each) for each in people))
            await self._until_answered()
        async with asyncio.TaskGroup() as group:
            writers = [group.create_task(self._write_on(*each, load, chance)) for each in people]
            for _ in range(load.kills):
                await self._live_and_die(load, chance)
            for writer in writers:
                writer.cancel()
        async with self._containers.running("worker"):
            with contextlib.suppress(TimeoutError):
                await self._until_answered()

    def missing(self) -> set[str]:
        """Return the acknowledged words that nobody was answered."""
        return {word for door, words in self.written.items() for word in missing(door, words)}

    async def _until_answered(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.missing():  # noqa: ASYNC110 - what three servers and a process know
                await asyncio.sleep(0.05)

    async def _live_and_die(self, load: Load, chance: random.Random) -> None:
        worker = await self._containers.start("worker")
        if chance.random() < 0.8:
            assert await first_line(worker) == "True"
        await asyncio.sleep(chance.uniform(0, load.longest_life_seconds))
        worker.kill()
        died_at = time.time()
        await worker.wait()
        disk, volume = self._containers.disk, self._containers.volume
        if chance.random() < 0.5 and (disk / MOUNT / "snapshots").is_dir():
            # Modal commits a Volume by itself now and then: whatever is there, half copied or not.
            Mount(disk / MOUNT, volume).commit()
        loss = lost_with(disk, volume, self._returned(), died_at)
        if loss is not None:
            self.losses.append(loss)
        shutil.rmtree(disk, ignore_errors=True)

    def _returned(self) -> set[str]:
        """Return the words of all requests that workers have returned from."""
        handed = [each[0].body.decode() for name, each in self.cloud.returned if name == "handle"]
        # Slack tells an app of its own answers too.
        said = [body for body in handed if END not in body]
        return {word for body in said for word in TOKEN.findall(body)}

    async def _write_on(self, door: Door, person: str, load: Load, chance: random.Random) -> None:
        pause = load.pause_seconds * (_SLOWER if isinstance(door, ByMessage) else 1)
        while True:
            await asyncio.sleep(chance.expovariate(1 / pause))
            await self._write(door, person)

    async def _write(self, door: Door, person: str) -> None:
        word = f"m{next(self._numbers)}"
        await door.write(person, word)
        if not (isinstance(door, ByCommand) and word in door.late):
            self.written[door][word] = person


async def killed_with_disk(folder: Path, load: Load, ack_seconds: float) -> Verdict:
    """Run the storm on a deployment with a SQLite file.

    Neither platform waits longer than `ack_seconds`, whether there is a worker or not.
    """
    model, began = Echo(), time.perf_counter()
    (folder / "volume" / "snapshots").mkdir(parents=True)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(model))
        letta = await stack.enter_async_context(serve(letta_options(folder, model)))
        delays = (0.05, 0.5, 1.0, 2.0, *(3.0,) * 90)
        quick = SlackSettings(ack_timeout_seconds=ack_seconds, retry_delays_seconds=delays)
        slack = await stack.enter_async_context(SlackServer(quick))
        strict = ServerSettings(interaction_answer_seconds=ack_seconds)
        discord = await stack.enter_async_context(DiscordServer(strict))
        cloud = await stack.enter_async_context(Cloud().serving())
        containers = Containers(folder, cloud, _settings(discord, slack, letta))
        said = await stack.enter_async_context(containers.running("ingress"))
        await stack.enter_async_context(containers.running("tick"))
        await stack.enter_async_context(containers.running("listener"))
        url = said.removeprefix("Ready at ")
        commands = ByCommand(discord, url)
        storm = Storm(containers, discord, [OnSlack(slack, url), commands, ByMessage(discord)])
        await storm.rage(load)
        late = len(commands.late) + sum(each.number > 0 for each in slack.attempts)
        return await _judged(storm, letta, late, load, began)


def _settings(discord: DiscordServer, slack: SlackServer, letta: str) -> dict[str, str]:
    known = known_to(discord, slack, "")
    required = dict.fromkeys(REQUIRED_KEYS, "a-long-random-text")
    return {**required, **known, "LETTA_BASE_URL": letta}


async def _judged(storm: Storm, letta: str, late: int, load: Load, began: float) -> Verdict:
    heard, losses = await heard_by_letta(letta), storm.losses
    tokens = [word for words in storm.written.values() for word in words]
    shown = Counter(
        word
        for door, words in storm.written.items()
        for person in set(words.values())
        for text in door.shown(person)
        for word in TOKEN.findall(text)
    )
    return Verdict(
        kills=load.kills,
        written=len(tokens),
        acknowledged_late=late,
        unsound=sum(not loss.is_sound for loss in losses),
        beyond_the_window=sum(loss.is_beyond_the_window for loss in losses),
        returned_and_gone=sum(loss.returned for loss in losses),
        lost=len(storm.missing()),
        failed=sum(name == "handle" for name, _ in storm.cloud.raised),
        agents_too_many=await _agents(letta) - 3 * load.people,
        rows_lost=sum(loss.rows for loss in losses),
        longest_loss_seconds=round(max((loss.seconds for loss in losses), default=0.0), 2),
        longest_window_seconds=round(max((loss.window_seconds for loss in losses), default=0.0), 2),
        heard_twice=sum(heard[word] > 1 for word in tokens),
        doubled=sum(shown[word] > 1 for word in tokens),
        seconds=round(time.perf_counter() - began, 1),
    )


async def _agents(url: str) -> int:
    async with AsyncLetta(base_url=url, api_key="none", max_retries=0) as client:
        return len([agent async for agent in client.agents.list()])
