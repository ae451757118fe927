"""One ASGI app: the spokes' routes beside /health, /ready and /metrics."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Generator, Mapping, Sequence
from secrets import compare_digest

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.clock import SystemClock
from gateway.errors import BadInput, RetryLater, SettingsWrong, StoreUnavailable
from gateway.ports import AgentRuntime, Health, Store, ToolServers
from gateway.rivals import place_of, rival_sentence
from gateway.telemetry import Metrics
from gateway.telemetry.metrics import CONTENT_TYPE


class Vitals:
    """How every part is; what `/ready` and `status` tell."""

    def __init__(
        self,
        store: Store,
        runtime: AgentRuntime,
        channels: Mapping[str, Callable[[], Health]],
        servers: ToolServers | None = None,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._channels = channels
        self._servers = servers

    async def report(self) -> tuple[bool, dict[str, object]]:
        """Return whether store and runtime serve, and the state of each part as JSON."""
        parts = {"store": await self._store_health(), "runtime": await self._runtime.health()}
        is_ready = all(part.is_ready for part in parts.values())
        shown = {name: _as_json(part) for name, part in parts.items()}
        channels = self.channels()
        if parts["store"].is_ready:
            channels = {name: await self._with_rival(name, each) for name, each in channels.items()}
        report: dict[str, object] = {
            "ready": is_ready,
            **shown,
            "channels": {name: _as_json(health) for name, health in channels.items()},
        }
        if self._servers is not None:
            report["mcp_servers"] = {n: _as_json(h) for n, h in self._servers.health().items()}
        return is_ready, report

    def channels(self) -> dict[str, Health]:
        """Return how each channel is."""
        return {name: health() for name, health in self._channels.items()}

    async def _with_rival(self, channel: str, health: Health) -> Health:
        try:
            lease = await self._store.leases.held(place_of(channel))
        except StoreUnavailable:
            return health
        sentence = rival_sentence(lease, SystemClock().now())
        return health if sentence is None else Health(is_ready=False, sentence=sentence)

    async def _store_health(self) -> Health:
        try:
            await self._store.check()
        except StoreUnavailable as error:
            return Health(is_ready=False, sentence=str(error))
        return Health(is_ready=True, sentence="serves")


class App(FastAPI):
    """FastAPI, with a short way to what platforms send most of.

    A route to a plain ASGI app is called at once. The way through FastAPI and its
    middleware takes more than a tenth of what an event costs, and has nothing to give to it.
    """

    def __init__(self) -> None:
        super().__init__(title="Postern", docs_url=None, redoc_url=None, openapi_url=None)
        self._plain: dict[tuple[str, str], ASGIApp] = {}

    def add(self, router: APIRouter) -> None:
        """Take all routes of a spoke."""
        self.include_router(router)
        for route in router.routes:
            if isinstance(route, Route) and route.app is route.endpoint:
                methods = route.methods or ()
                self._plain |= {(method, route.path): route.app for method in methods}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or connection."""
        plain = self._plain.get((scope.get("method", ""), scope.get("path", "")))
        if plain is None:
            await super().__call__(scope, receive, send)
            return
        try:
            await plain(scope, receive, send)
        except RetryLater as error:
            await _busy(error)(scope, receive, send)


def create_app(
    vitals: Vitals,
    store: Store,
    metrics: Metrics,
    routers: Sequence[APIRouter],
    admin_token: str | None = None,
) -> FastAPI:
    """Return the app. With an admin token, `/metrics` asks for it."""
    app = App()
    for router in (*routers, _operations(vitals, store, metrics, admin_token)):
        app.add(router)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(BadInput, _bad_input)
    app.add_exception_handler(RetryLater, _retry_later)
    return app


def _operations(
    vitals: Vitals, store: Store, metrics: Metrics, admin_token: str | None
) -> APIRouter:
    router = APIRouter()

    @router.get("/health")
    async def health() -> dict[str, str]:  # pyright: ignore[reportUnusedFunction] - a route
        return {"status": "alive"}

    @router.get("/ready")
    async def ready() -> JSONResponse:  # pyright: ignore[reportUnusedFunction] - a route
        is_ready, body = await vitals.report()
        return JSONResponse(body, status_code=200 if is_ready else 503)

    @router.get("/metrics")
    async def scrape(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - a route
        if admin_token is not None and not _has_token(request, admin_token):
            return _error(401, "Metrics need the admin token: Authorization: Bearer …")
        metrics.show_counts(await store.history.counts())
        metrics.show_channels(vitals.channels())
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    return router


def _has_token(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "")
    return compare_digest(given.encode(), f"Bearer {token}".encode())


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it was registered for
    response = _error(error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it was registered for
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    return _error(422, f"{place or 'The body'}: {first['msg']}.")


async def _bad_input(request: Request, error: Exception) -> Response:
    return _error(422, str(error))


async def _retry_later(request: Request, error: Exception) -> Response:
    return _busy(error)


def _busy(error: Exception) -> Response:
    response = _error(503, f"{error} Try again in a moment; nothing was stored.")
    response.headers["Retry-After"] = "2"
    return response


class HttpServer(uvicorn.Server):
    """Uvicorn as one part among others: signals stay with whoever runs the gateway."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take no signal."""
        yield

    def ask_to_stop(self) -> None:
        """Finish open requests and return from `serve`."""
        self.should_exit = True


def create_server(app: FastAPI) -> HttpServer:
    """Return a server for `app`, quiet but for its errors."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws_max_size=1_100_000,
        timeout_graceful_shutdown=3,
    )
    return HttpServer(config)


def listen(host: str, port: int) -> socket.socket:
    """Bind the port; raises SettingsWrong with what to do when it can not be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms for each streamed answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsWrong(
            f"Port {port} on {host} can not be used ({error.strerror}). Stop what listens there, "
            "or choose another: set http.port in postern.toml or POSTERN_HTTP__PORT."
        ) from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def _as_json(health: Health) -> dict[str, object]:
    return {"ready": health.is_ready, "state": health.sentence}
