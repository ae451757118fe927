"""What happens when people and wakeups want one agent at the same moment, for any Letta server.

The gateway is the real one, with the real letta-client; the server's model has to follow
directives (`tests/fakes/directives.py`).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from letta_client import AsyncLetta, ConflictError

from agents.letta import LettaOptions
from agents.letta.client import make_client
from gateway.bootstrap.entry import opened_around
from gateway.domain.audit import AuditKind
from gateway.domain.conversations import Conversation
from gateway.domain.ids import SessionId
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.domain.schedules import Schedule, Wakeup
from gateway.inbox import Inbox
from gateway.ports import Store
from gateway.settings import load_settings
from storage.memory.store import MemoryStore
from tests.contracts.letta_api.heard import begin, user
from tests.fakes.patience import PATIENCE_SECONDS


@dataclass
class Meeting:
    """Ada, her agent, and what wakes it."""

    store: Store
    inbox: Inbox
    letta: AsyncLetta
    refusals: Callable[[], int]
    """How often the server has answered 409 to anybody."""
    ada: Sender = field(default_factory=lambda: _new_person())

    @property
    def place(self) -> Conversation:
        """Where all of it happens."""
        return Conversation("web", "postern", self.ada.identity.user)

    async def ada_says(self, text: str) -> None:
        """Let her write."""
        now, event = datetime.now(UTC), self._new_name()
        await self.inbox.receive(InboundMessage(event, self.place, self.ada, text, now))

    async def comes_due(self, text: str) -> None:
        """Let a schedule come due now."""
        now, name = datetime.now(UTC), self._new_name()
        wakeup = Wakeup(self.place, self.ada, text)
        await self.store.schedules.put(
            Schedule(name, f"at:{now.isoformat()}", "UTC", now, wakeup=wakeup)
        )

    async def until(self, kind: AuditKind, count: int) -> None:
        """Return when this has happened so often."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if await self.times(kind) >= count:
                    return
                await asyncio.sleep(0.02)

    async def times(self, kind: AuditKind) -> int:
        """Return how often this has happened."""
        return [entry.kind for entry in await self.store.history.audit(0, 10_000)].count(kind)

    async def answers(self) -> list[str]:
        """Return what the agent has said, in order."""
        entries = await self.store.history.history(self.place.id, None, 1000)
        return [entry.text for entry in entries if entry.author != "user"]

    async def is_refused_beside_it(self) -> bool:
        """Say something past the gateway, in the agent's own thread; whether Letta refuses it."""
        try:
            stream = await begin(self.letta, await self._thread(), [user("say nothing")])
        except ConflictError:
            return True
        await stream.close()
        return False

    def _new_name(self) -> str:
        """Return a name that no server has heard: a known one would be answered by its old run."""
        return uuid.uuid4().hex

    async def _thread(self) -> SessionId:
        person = await self.store.people.find_person(self.ada.identity)
        assert person is not None
        binding = await self.store.people.binding(person.id, "postern")
        assert binding is not None
        assert binding.agent_id is not None
        thread = await self.store.people.session(binding.agent_id, self.place.id)
        assert thread is not None
        return thread


@asynccontextmanager
async def meeting(
    environ: dict[str, str], folder: Path, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[Meeting]:
    """Run a gateway over the Letta server that the environment names."""
    caplog.set_level("INFO", "httpx")
    store, stop = MemoryStore(), asyncio.Event()
    settings = load_settings({"POSTERN_DATA_DIR": str(folder), **environ})
    async with AsyncExitStack() as stack:
        await store.open()
        url, key = environ["LETTA_BASE_URL"], environ.get("LETTA_API_KEY", "")
        letta = make_client(LettaOptions(base_url=url, api_key=key))
        await stack.enter_async_context(letta)
        plugged = await stack.enter_async_context(opened_around(settings, store))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(plugged.gateway.run(stop))
        yield Meeting(store, plugged.inbox, letta, lambda: caplog.text.count("1.1 409 "))
        stop.set()


def _new_person() -> Sender:
    """Return somebody whom no server has met."""
    return Sender(Identity("web", "local", uuid.uuid4().hex), "Ada")


async def a_person_goes_before_a_wakeup_of_the_same_moment(meeting: Meeting) -> None:
    """Both wait for the turn that runs, the wakeup first; the server would refuse them now."""
    await meeting.ada_says("sleep 2\nsay one")
    await meeting.until(AuditKind.TURN_RUN, 1)
    assert await meeting.is_refused_beside_it()

    await meeting.comes_due("say woken")
    await meeting.until(AuditKind.SCHEDULE_FIRED, 1)
    await meeting.ada_says("say two")
    await meeting.until(AuditKind.TURN_ENDED, 3)

    assert await meeting.answers() == ["one", "two", "woken"]
    assert await meeting.times(AuditKind.TURN_CLAIMED) == 3
    assert meeting.refusals() == 1


async def nothing_is_lost_however_they_meet(meeting: Meeting) -> None:
    """The agent is idle, and one of them comes a little before the other, or neither does."""
    expected: list[str] = []
    for turns, head_start in ((2, 0.0), (4, 0.02), (6, -0.02), (8, 0.1), (10, -0.1), (12, 0.0)):
        expected += [f"said {turns}", f"woken {turns}"]
        await asyncio.gather(
            _later(max(0.0, -head_start), meeting.ada_says(f"sleep 0.2\nsay said {turns}")),
            _later(max(0.0, head_start), meeting.comes_due(f"sleep 0.2\nsay woken {turns}")),
        )
        await meeting.until(AuditKind.TURN_ENDED, turns)

    assert sorted(await meeting.answers()) == sorted(expected)
    assert await meeting.times(AuditKind.TURN_CLAIMED) == 12
    assert meeting.refusals() == 0


async def _later(seconds: float, coming: Coroutine[None, None, None]) -> None:
    await asyncio.sleep(seconds)
    await coming


MEETINGS = (
    a_person_goes_before_a_wakeup_of_the_same_moment,
    nothing_is_lost_however_they_meet,
)
