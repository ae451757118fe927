"""Every mind that the contract of runtimes is held against."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from agents.app_server.client import open_app_server
from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve
from agents.letta import LettaOptions
from agents.letta.client import open_letta
from agents.scripted import ScriptedAgents
from gateway.domain.ids import AgentId, PersonId
from gateway.domain.people import Person
from gateway.ports import AgentArchive, AgentFiles, AgentHost, AgentMemory, AgentRuntime
from tests.fakes.app_server import serving_app_server
from tests.fakes.directives import follow_directives


@dataclass(frozen=True, slots=True)
class Minds:
    """One implementation under test: where agents think and where they are made."""

    runtime: AgentRuntime
    host: AgentHost
    memory: AgentMemory | None = None
    archive: AgentArchive | None = None
    files: AgentFiles | None = None

    async def new_agent(self) -> AgentId:
        """Make an agent of somebody who was never here."""
        name = f"person-{uuid.uuid4().hex}"
        return await self.host.create_agent(Person(PersonId(name), name), "postern")


@contextlib.asynccontextmanager
async def scripted_minds() -> AsyncGenerator[Minds]:
    agents = ScriptedAgents(follow_directives)
    yield Minds(agents, agents, agents, agents.archive, agents.files)


@contextlib.asynccontextmanager
async def embedded_minds() -> AsyncGenerator[Minds]:
    """The real letta-client against the embedded server, over HTTP."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedOptions(database=Path(folder) / "letta.db", scripted=True)
        async with serve(server) as url, open_letta(LettaOptions(base_url=url)) as letta:
            yield Minds(letta.runtime, letta.host, letta.memory, letta.archive, letta.files)


@contextlib.asynccontextmanager
async def live_minds() -> AsyncGenerator[Minds]:
    """A Letta server of somebody's, whose model understands the directives."""
    options = LettaOptions(
        base_url=os.environ["POSTERN_TEST_LETTA_URL"],
        model=os.environ.get("POSTERN_TEST_LETTA_MODEL"),
        embedding=os.environ.get("POSTERN_TEST_LETTA_EMBEDDING"),
        tag_prefix=f"postern-test-{uuid.uuid4().hex}",
    )
    async with open_letta(options) as letta:
        yield Minds(letta.runtime, letta.host, letta.memory, letta.archive, letta.files)


@contextlib.asynccontextmanager
async def app_server_minds() -> AsyncGenerator[Minds]:
    """The WebSocket adapter against a server that speaks what the real one speaks."""
    async with (
        serving_app_server() as fake,
        open_app_server(LettaOptions(base_url=fake.url)) as server,
    ):
        yield Minds(server.runtime, server.host)


@contextlib.asynccontextmanager
async def live_app_server_minds() -> AsyncGenerator[Minds]:
    """An App Server of somebody's, whose model understands the directives."""
    options = LettaOptions(
        base_url=os.environ["POSTERN_TEST_APP_SERVER_URL"],
        model=os.environ.get("POSTERN_TEST_APP_SERVER_MODEL"),
        tag_prefix=f"postern-test-{uuid.uuid4().hex}",
    )
    async with open_app_server(options) as server:
        yield Minds(server.runtime, server.host)


IMPLEMENTATIONS = {
    "scripted": scripted_minds,
    "embedded": embedded_minds,
    "app-server": app_server_minds,
}
if "POSTERN_TEST_LETTA_URL" in os.environ:
    IMPLEMENTATIONS["live"] = live_minds
if "POSTERN_TEST_APP_SERVER_URL" in os.environ:
    IMPLEMENTATIONS["live-app-server"] = live_app_server_minds
SHOWING = [name for name in IMPLEMENTATIONS if not name.endswith("app-server")]
"""Those that show what their agents keep."""
