"""Many conversations and a changing number of workers over one Postgres, some of them killed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from gateway.clock import SystemClock
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Route, Sender
from storage.postgres import PoolOptions, PostgresStore
from tests.crash.crowd_worker import PLATFORM
from tests.crash.ledger import Ledger, numbers_in
from tests.fakes.patience import PATIENCE_SECONDS

ROUTE = Route("postern")


@dataclass(frozen=True, slots=True)
class CrowdOptions:
    """Who writes how much, and who works."""

    conversations: int = 2_000
    seconds: float = 10.0
    pause_seconds: float = 10.0
    """Between two messages of a conversation, on average; at 0 each waits for its answer."""
    workers: int = 4
    """At most; where workers are killed, now and then there are fewer."""
    kill_every_seconds: float = 0.0
    """On average; 0 kills nobody."""
    think_seconds: float = 0.02
    seed: int = 1


@dataclass(frozen=True, slots=True)
class CrowdVerdict:
    """What the crowd saw."""

    written: int
    turns: int
    seconds: float
    kills: int
    lost: int
    doubled: int
    overlaps: int
    disordered: int
    resumed: int
    waits: list[float]
    """Seconds from a message being stored to its answer being seen."""
    hand_overs: list[float]
    cpu_seconds: float
    """Of all workers while people wrote; means little where some were killed."""

    @property
    def faults(self) -> dict[str, int]:
        """Return what broke a promise; empty when none is broken."""
        names = ("lost", "doubled", "overlaps", "disordered")
        return {name: found for name in names if (found := getattr(self, name))}


@dataclass
class Crowd:
    """The people, the mind and the platform; workers are processes that come and go."""

    url: str
    options: CrowdOptions
    ledger: Ledger = field(default_factory=Ledger)
    kills: int = 0
    waits: list[float] = field(default_factory=list[float])
    _written: Counter[str] = field(default_factory=Counter[str])
    _stored_at: dict[tuple[str, int], float] = field(default_factory=dict[tuple[str, int], float])
    _answered: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])
    _joined: asyncio.Event = field(default_factory=asyncio.Event)
    _is_calm: bool = False
    """Nobody writes any more; nobody is killed then, so that workers live to catch up."""
    _next_victim: asyncio.Future[str] | None = None
    """Is given whoever begins a turn next."""
    """Who began a turn last."""
    _workers: dict[str, asyncio.subprocess.Process] = field(
        default_factory=dict[str, asyncio.subprocess.Process]
    )
    _port: int = 0
    _present: int = 0
    """Workers that have ever said who they are."""

    async def run(self) -> CrowdVerdict:
        """Let them write for so long, then let the workers catch up; judge what was seen."""
        options, chance = self.options, random.Random(self.options.seed)
        store = PostgresStore(self.url, PoolOptions(4))
        await store.open()
        async with self._listening(), self._at_work(chance):
            began, worked = time.perf_counter(), self._cpu_seconds()
            async with asyncio.TaskGroup() as people:
                for number in range(options.conversations):
                    people.create_task(self._write(store, f"c{number}", chance))
            wrote, worked = time.perf_counter() - began, self._cpu_seconds() - worked
            turns = self.ledger.begun - self.ledger.resumed
            self._is_calm = True
            await self._caught_up()
        await store.close()
        return self._verdict(turns, wrote, worked)

    def _verdict(self, turns: int, seconds: float, cpu_seconds: float) -> CrowdVerdict:
        ledger = self.ledger
        answered = sum(len(numbers) for numbers in ledger.answered.values())
        return CrowdVerdict(
            written=self._written.total(),
            turns=turns,
            seconds=seconds,
            kills=self.kills,
            lost=self._written.total() - answered,
            doubled=ledger.doubled,
            overlaps=ledger.overlaps,
            disordered=ledger.disordered,
            resumed=ledger.resumed,
            waits=self.waits,
            hand_overs=ledger.hand_overs,
            cpu_seconds=cpu_seconds,
        )

    # -- people --------------------------------------------------------------------------------

    async def _write(self, store: PostgresStore, name: str, chance: random.Random) -> None:
        options, clock = self.options, SystemClock()
        answered = self._answered[name] = asyncio.Event()
        until = time.perf_counter() + options.seconds
        pause = options.pause_seconds
        for number in count():
            if pause:
                await asyncio.sleep(chance.expovariate(1 / pause))
            if time.perf_counter() >= until:
                return
            place = Conversation(PLATFORM, "w", name)
            sender = Sender(Identity(PLATFORM, "w", name), name)
            said = InboundMessage(f"{name}-{number}", place, sender, str(number), clock.now())
            await store.turns.accept(said, ROUTE, clock.now())
            self._written[name] += 1
            self._stored_at[name, number] = time.perf_counter()
            if not pause:
                await answered.wait()
                answered.clear()

    async def _caught_up(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._open():
                    self._joined.clear()
                    await self._joined.wait()
        except TimeoutError:
            return  # what is missing is counted as lost

    def _open(self) -> int:
        answered = sum(len(numbers) for numbers in self.ledger.answered.values())
        return self._written.total() - answered

    # -- mind and platform -------------------------------------------------------------------------

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        yield
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = ""
        try:
            while line := await reader.readline():
                question, *about = json.loads(line)
                if question == "is":
                    name = about[0]
                    self._present += 1
                answer = self._answer(name, question, about)
                if question == "begins" and self._is_caught(name):
                    continue  # without an answer its turn can't end before it is killed
                writer.write(json.dumps(answer).encode() + b"\n")
        except ConnectionError:
            pass  # it was killed
        finally:
            self.ledger.dies(name, time.perf_counter())
            writer.close()

    def _answer(self, worker: str, question: str, about: list[Any]) -> bool:  # Any: JSON
        match question:
            case "begins":
                lane, turn, heard = about
                self.ledger.begins(worker, lane, turn, heard, time.perf_counter())
            case "ends":
                self.ledger.ends(worker, about[0])
            case "shows":
                delivery, lane, text = about
                self.ledger.shows(delivery, lane, text)
                self._note_answer(lane, text)
            case "has_shown":
                return self.ledger.has_shown(about[0])
            case _:
                self._joined.set()
        return True

    def _note_answer(self, lane: str, text: str) -> None:
        now = time.perf_counter()
        for number in numbers_in(text):
            self.waits.append(now - self._stored_at.get((lane, number), now))
        self._answered[lane].set()
        self._joined.set()

    # -- workers ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def _at_work(self, chance: random.Random) -> AsyncGenerator[None]:
        names = (f"worker-{number}" for number in count())
        for _ in range(self.options.workers):
            await self._hire(next(names))
        await self._until_joined()
        async with asyncio.TaskGroup() as group:
            fate = group.create_task(self._kill_and_hire(chance, names))
            try:
                yield
            finally:
                fate.cancel()
                for name in list(self._workers):
                    await self._end(name)

    async def _kill_and_hire(self, chance: random.Random, names: Iterator[str]) -> None:
        pause, most = self.options.kill_every_seconds, self.options.workers
        while pause:
            await asyncio.sleep(chance.expovariate(1 / pause))
            if self._is_calm:
                return
            # One lives on, so that the others' turns have somewhere to go.
            is_full, is_last = len(self._workers) == most, len(self._workers) == 1
            if is_full or (not is_last and chance.random() < 0.6):
                await self._end(await self._victim(chance))
                self.kills += 1
            else:
                await self._hire(next(names))

    async def _victim(self, chance: random.Random) -> str:
        """Choose whoever begins the next turn, and every second time anybody."""
        if self.kills % 2:
            return chance.choice(sorted(self._workers))
        self._next_victim = asyncio.get_running_loop().create_future()
        return await self._next_victim

    def _is_caught(self, worker: str) -> bool:
        """Whether this is who is to be killed; what a dead one had still said counts for none."""
        if self._next_victim is None or self._next_victim.done() or worker not in self._workers:
            return False
        self._next_victim.set_result(worker)
        return True

    async def _hire(self, name: str) -> None:
        self._workers[name] = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.crash.crowd_worker", self.url, str(self._port), name),
            str(self.options.think_seconds),
            env=dict(os.environ),
        )

    async def _end(self, name: str) -> None:
        process = self._workers.pop(name)
        process.kill()
        await process.wait()

    async def _until_joined(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._present < self.options.workers:
                self._joined.clear()
                await self._joined.wait()

    def _cpu_seconds(self) -> float:
        """Return what the workers that live now have had of a core since they began."""
        ticks = 0
        for worker in self._workers.values():
            fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")
