"""Runs one seed: a story, workers over one store, the weather, and the promises held to it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from gateway.domain.conversations import Conversation
from gateway.domain.ids import WorkerId
from gateway.domain.turns import RunRequest
from gateway.errors import PosternError, StoreUnavailable
from gateway.ports import Store, Streaming
from gateway.queue_modes import QueueKind, QueueModes, read_mode
from gateway.telemetry import Metrics
from storage.memory import MemoryStore
from tests.fakes.virtual_time import EPOCH, LoopClock
from tests.simulation.edges import Edges, Sky
from tests.simulation.history import check_history, check_post, check_run
from tests.simulation.loop import SeededLoop
from tests.simulation.minds import SimMinds, SimToolbox
from tests.simulation.people import Event, Story, draw_press, draw_story
from tests.simulation.platforms import Kind, Post, SimAdapter, SimPlatform
from tests.simulation.watched import watched_deliveries, watched_turns
from tests.simulation.weather import Weather, draw_weather
from tests.simulation.worker import POLL, Build, Ports, WorkerStore

ROUGH_SECONDS = 100.0
"""Faults end after this, if not before."""
SKEW_SECONDS = 1.0
"""Of several workers, no clock is further off than this."""
CALM_SECONDS = 4 * 3600.0
"""All has to come to rest within this; a clock that was set back may hold things up for hours."""
ACK_SECONDS = 3.0
"""Platforms wait so long for an acknowledgement."""
PRESSED = 0.8
"""How often somebody presses a button that they see."""
NEVER = EPOCH + timedelta(days=365)
BUGS = {"turn_bug", "delivery_bug", "channel_failed", "tick_failed"}
"""Lines of the log that tell of an error which nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a seed is run with; what is None is drawn."""

    build: Build = field(default_factory=Build)
    store: Store | None = None
    """A new one, opened; one in memory where it is None."""
    weather: Weather | None = None
    story: Story | None = None
    workers: int | None = None
    kill_at: int | None = None
    """The first process dies at this moment."""


@dataclass(slots=True)
class Report:
    """What came of a seed."""

    seed: int
    trace: list[str] = field(default_factory=list[str])
    broken: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Promises that did not hold, each with what was seen."""
    first_worker: list[str] = field(default_factory=list[str])
    """The moments that the first process came to, in order."""

    @property
    def digest(self) -> str:
        """Equal for equal traces."""
        return hashlib.blake2b("\n".join(self.trace).encode(), digest_size=16).hexdigest()

    @property
    def promises(self) -> set[str]:
        """Return the names of those that did not hold."""
        return {promise for promise, _ in self.broken}

    def explain(self) -> str:
        """Say how to see it again, what was broken, and what came before."""
        broken = "\n".join(f"  {promise}: {what}" for promise, what in self.broken)
        tail = "\n".join(f"  {line}" for line in self.trace[-60:])
        return f"Seed {self.seed} broke\n{broken}\nafter\n{tail}"


def run_seed(seed: int, options: Options | None = None) -> Report:
    """Run the seed on a loop of its own."""
    dice = Random(seed)
    loop = SeededLoop(seed)
    try:
        return loop.run_until_complete(Simulation(seed, dice, options or Options()).run())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class Simulation:
    """The world of one seed."""

    def __init__(self, seed: int, dice: Random, options: Options) -> None:
        self.report = Report(seed)
        self.dice = dice
        self.options = options
        self.weather = options.weather or draw_weather(dice)
        self.sky = Sky(self.weather, dice, self._note)
        self.story = options.story or draw_story(dice)
        self.minds = SimMinds(seed, dice, started=self._on_run)
        self.minds.lands_late = self._lands_late
        self.toolbox = SimToolbox()
        self.platforms = {kind: SimPlatform(kind, self._on_post) for kind in Kind}
        self.streaming = dice.choice((None, Streaming(0.2), Streaming(1.0, hold_seconds=0.5)))
        self.raw = options.build.base_store(options.store or MemoryStore())
        self.store = self._watched()
        self.acknowledged: set[str] = set()
        self.calm_at = 0.0
        self.clock_was_set = False
        self.events = list(self.story.events)
        """All that platforms bring: the story's, and what people press."""
        self._fingers = Random(f"{seed}/fingers")
        self._presses: list[asyncio.Task[None]] = []
        self.confidants: dict[str, set[str]] = {}
        """By agent: whose words it heard."""
        self._metrics = Metrics()
        self._workers: dict[str, tuple[WorkerStore, Edges, LoopClock, asyncio.Event]] = {}
        self._offsets: dict[str, timedelta] = {}

    async def run(self) -> Report:
        """Let it happen, let it come to rest, and hold it to the promises."""
        listener = _Listener(self.broken)
        root = logging.getLogger("gateway"), logging.getLogger("scheduler")
        for logger in root:
            logger.addHandler(listener)
        try:
            await self._happen()
        finally:
            for logger in root:
                logger.removeHandler(listener)
        await check_history(self)
        return self.report

    def broken(self, promise: str, what: str) -> None:
        """Note that a promise did not hold."""
        self._note("BROKEN", f"{promise}: {what}")
        self.report.broken.append((promise, what))

    # -- the course of things

    async def _happen(self) -> None:
        await self.store.open()
        for schedule in self.story.schedules:
            await self.store.schedules.put(schedule)
        await self._choose_queue_modes()
        count = self.options.workers or self.dice.choice((1, 1, 2, 3))
        async with asyncio.TaskGroup() as group:
            self._group = group
            tasks = [group.create_task(self._keep_worker(slot, count)) for slot in range(count)]
            tasks.append(group.create_task(self._storms()))
            brought = [group.create_task(self._bring(event)) for event in self.story.events]
            await asyncio.wait(brought, timeout=ROUGH_SECONDS)
            await asyncio.sleep(self.dice.uniform(5.0, 60.0))
            self._clear_up()
            await asyncio.wait(brought, timeout=ROUGH_SECONDS)
            await self._come_to_rest()
            for task in [*tasks, *brought, *self._presses]:
                task.cancel()
        await self.store.close()

    async def _choose_queue_modes(self) -> None:
        """Let some conversations wait for silence, and others turn away what comes meanwhile."""
        dice = Random(f"{self.report.seed}/queues")
        modes = QueueModes(self.store.notes, self.store.people, self.store.fires)
        for place in sorted({event.message.conversation.id for event in self.story.events}):
            mode = read_mode(dice.choice(("queue", "queue", "queue", "collect 2", "drop")))
            if mode is not None and mode.kind is not QueueKind.QUEUE:
                await modes.choose(mode, Conversation.parse(place))

    def _clear_up(self) -> None:
        """End all faults; the clocks are set right."""
        self._note("world", "the sky clears up")
        self.sky.clear_up()
        self.minds.come_back()
        self.calm_at = _now()
        for worker, (_, edges, clock, _) in self._workers.items():
            edges.thaw()
            clock.step(-self._offsets.pop(worker, timedelta()))

    async def _come_to_rest(self) -> None:
        """Wait until nothing is left to do, and then so long that anything late would show."""
        await asyncio.sleep(POLL.total_seconds() * 5)
        for schedule in self.story.schedules:
            await self.store.schedules.remove(schedule.id)
        try:
            async with asyncio.timeout(CALM_SECONDS):
                while not await self._is_at_rest():  # noqa: ASYNC110 - nobody tells of rest
                    await asyncio.sleep(3.0)
        except TimeoutError:
            counts = await self.raw.history.counts()
            self.broken("P8", f"no rest after hours: {counts}")
        await asyncio.sleep(40.0)
        if not await self._is_at_rest():
            self.broken("P8", "there was more to do after all had come to rest")

    async def _is_at_rest(self) -> bool:
        counts = await self.raw.history.counts()
        asked = await self.raw.approvals.due(NEVER, 1)
        pressing = any(not press.done() for press in self._presses)
        busy = counts.lanes_ready or counts.turns_running or counts.deliveries_open
        return not (busy or asked or pressing)

    # -- events

    async def _bring(self, event: Event) -> None:
        """Deliver as platforms do: again and again until acknowledged, and sometimes once more."""
        await asyncio.sleep(event.at)
        while not await self._try_to_bring(event):  # noqa: ASYNC110 - platforms do so
            await asyncio.sleep(self.dice.uniform(0.5, 4.0))
        self.acknowledged.add(event.message.idempotency_key)
        self._note("world", f"{event.message.event_id} is acknowledged")
        while self.sky.strikes(self.sky.weather.duplicate):
            await asyncio.sleep(self.dice.uniform(0.0, 10.0))
            await self._try_to_bring(event)

    async def _try_to_bring(self, event: Event) -> bool:
        doors = self.platforms[Kind(event.message.conversation.platform)].doors
        if not doors:
            return False
        worker = self.dice.choice(list(doors))
        self._note("world", f"{event.message.event_id} goes to {worker}")
        try:
            async with asyncio.timeout(ACK_SECONDS):
                await doors[worker](event.message)
        except (TimeoutError, PosternError):
            return False
        return True

    # -- workers

    async def _keep_worker(self, slot: int, count: int) -> None:
        """Run one process after the other."""
        process = 0
        while True:
            process += 1
            name = f"w{slot}.{process}"
            # Alone, a process takes over from its predecessor by its name, as on SQLite.
            await self._run_worker(name, WorkerId("local" if count == 1 else name))
            await asyncio.sleep(self.dice.uniform(0.1, 8.0))

    async def _run_worker(self, name: str, worker: WorkerId) -> None:
        edges = Edges(name, self.sky, lambda: self._relay(name))
        if name == "w0.1":
            edges.kill_at = self.options.kill_at
        store, clock, stop = WorkerStore(self.store, edges), LoopClock(), asyncio.Event()
        self._workers[name] = (store, edges, clock, stop)
        ports = Ports(
            store=store,
            minds=self.minds,
            toolbox=self.toolbox,
            adapters=[self._adapter(platform, name) for platform in self.platforms.values()],
            edges=edges,
            clock=clock,
            worker=worker,
            metrics=self._metrics,
        )
        self._note("world", f"{name} starts")
        try:
            await _until_dead(self.options.build.gateway(ports).run(stop), edges)
        except* StoreUnavailable as errors:
            self._note("world", f"{name} could not go on: {errors.exceptions[0]!r}")
            if isinstance(errors.exceptions[0], ExceptionGroup):
                self.broken("P8", f"{name} died of {errors.exceptions[0]!r}")
        finally:
            for platform in self.platforms.values():
                platform.doors.pop(name, None)
            self._workers.pop(name, None)
            if name == "w0.1":
                self.report.first_worker = edges.passed

    def _adapter(self, platform: SimPlatform, worker: str) -> SimAdapter:
        return SimAdapter(
            platform,
            worker,
            self.dice,
            lands_late=self._lands_late,
            note=self._note,
            streaming=self.streaming,
        )

    def _lands_late(self) -> bool:
        return self.sky.strikes(self.sky.weather.lands_late)

    def _relay(self, worker: str) -> None:
        """Tell the workers of a commit: one's own at once, the others if the signal is not lost."""
        for raw, port in _SIGNALS:
            if not raw(self.store).is_set():
                continue
            raw(self.store).clear()
            for name, (store, *_) in list(self._workers.items()):
                if name == worker or not self.sky.strikes(self.sky.weather.signal_lost):
                    port(store).set()

    async def _storms(self) -> None:
        """Every ten seconds, something may befall a whole worker or the agents' server."""
        while True:
            await asyncio.sleep(self.dice.uniform(5.0, 15.0))
            weather = self.sky.weather
            if self._workers and self.sky.strikes(weather.restart):
                name = self.dice.choice(list(self._workers))
                self._note("world", f"{name} is asked to stop")
                self._workers[name][3].set()
            if self._workers and self.sky.strikes(weather.clock_step):
                self._step_clock(self.dice.choice(list(self._workers)))
            if self.sky.strikes(weather.outage):
                self.minds.go_down()
                await asyncio.sleep(self.dice.uniform(1.0, 30.0))
                self.minds.come_back()

    def _step_clock(self, name: str) -> None:
        # Workers compare their leases by their clocks, so several of them need clocks that agree.
        most = 7200.0 if len(self._workers) == 1 else SKEW_SECONDS
        offset = timedelta(seconds=self.dice.uniform(-most, most))
        self._note("world", f"the clock of {name} is set wrong by {offset.total_seconds():.0f} s")
        self.clock_was_set = True
        self._workers[name][2].step(offset - self._offsets.get(name, timedelta()))
        self._offsets[name] = offset

    # -- what is seen

    def _note(self, who: str, what: str) -> None:
        self.report.trace.append(f"{_now():9.3f} {who:6} {what}")

    def _on_run(self, request: RunRequest) -> None:
        self._note("agents", f"{request.session.thread} hears {request.otid[:8]}")
        check_run(self, request)

    def _on_post(self, post: Post) -> None:
        self._note("people", f"see in {post.conversation.id}: {post.text[:50]!r}")
        check_post(self, post)
        if post.buttons and self._fingers.random() < PRESSED:
            press = draw_press(post, len(self.events), self._fingers)
            self.events.append(press)
            self._presses.append(self._group.create_task(self._bring(press)))

    def _watched(self) -> Store:
        raw = self.raw
        raw.turns = watched_turns(raw.turns, self.broken)
        raw.deliveries = watched_deliveries(raw.deliveries, self.broken)
        return raw


_SIGNALS: tuple[
    tuple[Callable[[Store], asyncio.Event], Callable[[WorkerStore], asyncio.Event]], ...
] = (
    (lambda store: store.turn_ready, lambda store: store.turn_ready),
    (lambda store: store.delivery_ready, lambda store: store.delivery_ready),
    (lambda store: store.turn_cancelled, lambda store: store.turn_cancelled),
    (lambda store: store.schedules.changed, lambda store: store.schedules.changed),
)


async def _until_dead(process: Coroutine[None, None, None], edges: Edges) -> None:
    """Run a process until it ends, or dies: then all its tasks are gone at once."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(process)
        death = group.create_task(edges.crashed.wait())
        await asyncio.wait([task, death], return_when=asyncio.FIRST_COMPLETED)
        edges.bury()
        task.cancel()
        death.cancel()


class _Listener(logging.Handler):
    """Hears of errors that nobody foresaw."""

    def __init__(self, broken: Callable[[str, str], None]) -> None:
        super().__init__(logging.ERROR)
        self._broken = broken

    def emit(self, record: logging.LogRecord) -> None:
        """A bug is a broken promise, whatever it did."""
        if record.msg in BUGS:
            self._broken("P8", f"{record.msg}: {record.exc_info and record.exc_info[1]!r}")


def _now() -> float:
    return asyncio.get_running_loop().time()
