"""The embedded server: the application, its lifespan, and running it inside this event loop."""

import asyncio
import hmac
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.embedded.errors import EmbeddedError, Unauthorized
from agents.embedded.models.embedder import Embedder
from agents.embedded.models.model import Model
from agents.embedded.models.offline import OfflineModel
from agents.embedded.models.scripted import ScriptedModel
from agents.embedded.options import EmbeddedOptions, ModelOptions
from agents.embedded.rest import (
    agent_files,
    agents,
    archives,
    blocks,
    conversations,
    folders,
    health,
    messages,
    models,
    passages,
    runs,
    tools,
    unsupported,
)
from agents.embedded.rest.deps import Services
from agents.embedded.sandbox.sandbox import Sandbox
from agents.embedded.server_defaults import context_window
from agents.embedded.services.agent_files import AgentFileService
from agents.embedded.services.agents import AgentService
from agents.embedded.services.archival import ArchivalService
from agents.embedded.services.blocks import BlockService
from agents.embedded.services.conversations import ConversationService
from agents.embedded.services.folders import FolderService
from agents.embedded.services.runs import RunService
from agents.embedded.services.tools import ToolService
from agents.embedded.steps.compaction import (
    Compactor,
    ExtractSummariser,
    ModelSummariser,
    Summariser,
)
from agents.embedded.steps.loop import StepLoop
from agents.embedded.steps.recall import Recall
from agents.embedded.steps.user_tools import UserTools
from agents.embedded.store.database import open_database
from agents.embedded.tasks import companions

_ROUTERS = (
    conversations,
    runs,
    messages,
    blocks,
    passages,
    archives,
    tools,
    folders,
    agent_files,
    agents,
    models,
    health,
    unsupported,
)


def create_app(options: EmbeddedOptions) -> FastAPI:
    """The ASGI application; its lifespan opens the store and takes up unfinished turns."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with open_services(options) as services:
            app.state.services = services
            yield

    return _make_app(options, lifespan)


def _make_app(
    options: EmbeddedOptions,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None,
) -> FastAPI:
    app = FastAPI(lifespan=lifespan, openapi_url=None, title="Postern's embedded Letta server")
    for module in _ROUTERS:
        app.include_router(module.router)
    app.add_exception_handler(EmbeddedError, _refuse)
    if options.token is not None:
        app.add_middleware(BearerGuard, token=options.token)
    return app


@asynccontextmanager
async def open_services(options: EmbeddedOptions) -> AsyncGenerator[Services]:
    """Everything behind REST; on leaving, running turns stop where they are, for the next start."""
    model = make_model(options)
    window = context_window(options)
    async with open_database(options.database) as database, companions() as tasks:
        compactor = Compactor(database, make_summariser(options, model), window)
        user_tools = UserTools(Sandbox(options.tool_limits))
        embedder = make_embedder(options)
        recall = Recall(database, embedder)
        loop = StepLoop(database, model, compactor, user_tools, recall if embedder else None)
        turns = RunService(database, loop, tasks)
        services = Services(
            options,
            agents=AgentService(database, turns, window),
            blocks=BlockService(database),
            conversations=ConversationService(database, turns),
            runs=turns,
            tools=ToolService(database, user_tools),
            archival=ArchivalService(database, recall),
            compactor=compactor,
            folders=FolderService(database),
            agent_files=AgentFileService(database, window),
        )
        await services.tools.store_core_tools()
        await turns.take_up_unfinished()
        try:
            yield services
        finally:
            turns.interrupt()
            await model.close()
            if embedder is not None:
                await embedder.close()


def make_model(options: EmbeddedOptions) -> Model:
    """The model the options ask for."""
    inner = _endpoint_model(options.model) if options.model else _offline_model(options)
    return ScriptedModel(inner) if options.scripted else inner


def make_embedder(options: EmbeddedOptions) -> Embedder | None:
    """What searches by meaning, if the options name it."""
    if options.model is None or options.embedding is None:
        return None
    # As below: the openai SDK takes long to import.
    from agents.embedded.models.embeddings import OpenAICompatibleEmbedder

    return OpenAICompatibleEmbedder(options.model, options.embedding)


def make_summariser(options: EmbeddedOptions, model: Model) -> Summariser:
    """Who writes the summaries: the configured model, or nobody in particular."""
    if options.model is None:
        return ExtractSummariser()
    return ModelSummariser(model, options.model.name, options.model.context_window)


def _offline_model(options: EmbeddedOptions) -> Model:
    return OfflineModel(word_delay_seconds=options.word_delay_seconds)


def _endpoint_model(options: ModelOptions) -> Model:
    # The openai SDK takes long to import; whoever has no model must not wait for it.
    from agents.embedded.models.openai_compatible import OpenAICompatibleModel

    return OpenAICompatibleModel(options)


@asynccontextmanager
async def serve(
    options: EmbeddedOptions, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[str]:
    """Serve inside this event loop; yields the base URL once requests are answered.

    Port 0 takes a free one. Leaving ends open streams (their readers may resume later), then
    the server; turns that run are taken up by the next start on the same database.
    """
    async with open_services(options) as services:
        app = _make_app(options, None)
        app.state.services = services
        server = _Server(_config(app))
        with _listening(host, port) as listener:
            async with companions() as tasks:
                tasks.create_task(server.serve([listener]))
                await server.wait_started()
                try:
                    yield f"http://{host}:{listener.getsockname()[1]}"
                finally:
                    services.runs.interrupt()
                    server.should_exit = True


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals to its host process and says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._start_decided = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self._start_decided.set()

    async def wait_started(self) -> None:
        await self._start_decided.wait()
        if not self.started:
            raise RuntimeError("The embedded Letta server did not start; its log says why.")


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Naming TCP makes asyncio turn Nagle's algorithm off: else every event waits 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        yield listener


class BearerGuard:
    """Lets in whoever carries the token; health needs none."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if scope["type"] != "http" or scope["path"].startswith("/v1/health"):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
            return
        refusal = Unauthorized("Unauthorized")
        await JSONResponse(refusal.body, refusal.status)(scope, receive, send)


async def _refuse(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, EmbeddedError):
        raise error
    return JSONResponse(error.body, error.status)
