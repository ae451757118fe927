"""The whole of this Slack: workspaces, clock, and the pulse that wakes those who wait."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tests.platforms.slack_server.clock import Clock
from tests.platforms.slack_server.faults import Faults
from tests.platforms.slack_server.installations import AppConfig, Installations
from tests.platforms.slack_server.limits import RateLimits
from tests.platforms.slack_server.settings import SlackSettings
from tests.platforms.slack_server.shapes import Json
from tests.platforms.slack_server.state import Workspace

T = TypeVar("T")
LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call that came in, and what became of it."""

    method: str
    args: Json
    team: str | None
    outcome: str  # "ok", an error code, or the fault that befell it
    at: float  # seconds, by the Slack's clock


class Pulse:
    """Wakes everyone who waits for a condition, whenever anything has changed."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Event] = []

    def beat(self) -> None:
        for event in self._waiting:
            event.set()

    async def until(self, predicate: Callable[[], T], timeout_seconds: float) -> T:
        """The predicate's first true value; TimeoutError after so many real seconds."""
        changed = asyncio.Event()
        self._waiting.append(changed)
        try:
            async with asyncio.timeout(timeout_seconds):
                while not (value := predicate()):
                    await _wait_or_look_again(changed)
                return value
        finally:
            self._waiting.remove(changed)


async def _wait_or_look_again(changed: asyncio.Event) -> None:
    """Until the next change, but not for long: predicates may look at what has no pulse."""
    try:
        async with asyncio.timeout(LOOK_AGAIN_SECONDS):
            await changed.wait()
    except TimeoutError:
        return
    changed.clear()


@dataclass(slots=True)
class World:
    """Everything that the parts of the server share. `publish` sends an event to the app."""

    clock: Clock
    settings: SlackSettings
    app: AppConfig = field(default_factory=AppConfig)
    base_url: str = ""
    workspaces: dict[str, Workspace] = field(default_factory=dict[str, Workspace])
    faults: Faults = field(default_factory=Faults)
    limits: RateLimits = field(default_factory=RateLimits)
    pulse: Pulse = field(default_factory=Pulse)
    calls: list[ApiCall] = field(default_factory=list[ApiCall])
    publish: Callable[[Workspace, Json], object] = field(default=lambda _workspace, _event: None)
    installations: Installations = field(init=False)

    def __post_init__(self) -> None:
        self.installations = Installations(self.app)

    def now(self) -> float:
        return self.clock.now()

    def add_workspace(self, name: str) -> Workspace:
        workspace = Workspace(len(self.workspaces) + 1, name, self.app.id)
        self.workspaces[workspace.id] = workspace
        return workspace

    def workspace_named(self, name: str) -> Workspace:
        return next(workspace for workspace in self.workspaces.values() if workspace.name == name)
