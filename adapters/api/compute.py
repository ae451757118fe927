"""The routes under `/compute`: functions and tasks, for who has the admin token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from adapters.api.guard import AdminOnly, read_body
from adapters.api.models import ApiBody, parse_body
from gateway.domain.compute import Function, Task, TaskWish
from gateway.domain.compute_json import batch_json, function_json, task_json
from gateway.errors import BadInput

BODY_LIMIT_BYTES = 4_000_000
LONGEST_WAIT_SECONDS = 60.0


class DeployBody(ApiBody):
    """`POST /compute/deploy-function`."""

    function_code: str
    function_name: str
    timeout: float | None = None
    """Seconds that one run may take."""
    memory_bytes: int | None = None
    image_config: Mapping[str, Any] | None = None
    gpu: str | None = None
    secrets: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


class ParallelBody(ApiBody):
    """`POST /compute/run-parallel`: the function is called once for each input."""

    function_name: str
    inputs: list[Any]  # JSON of any kind, here and below
    kwargs: dict[str, Any] = Field(default_factory=dict)
    id: str | None = None
    idempotent: bool = False
    wait: bool = False


class SpawnBody(ApiBody):
    """`POST /compute/spawn-task`."""

    function_name: str
    args: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    id: str | None = None
    """The idempotency key, where no `Idempotency-Key` header tells it."""
    idempotent: bool = False
    """Whether it may run again when the gateway died while it ran."""
    webhook_url: str | None = None
    to: str | None = None
    """Conversation whose agent is told of the end."""
    wait: bool = False


class WebhookBody(ApiBody):
    """`POST /compute/webhook`."""

    task_id: str
    webhook_url: str


class Desk(Protocol):
    """Whoever takes functions and tasks. Everything that is refused is a BadInput."""

    async def deploy(
        self, name: str, source: str, seconds: float | None, memory_bytes: int | None
    ) -> Function:
        """Keep the function as the newest version of its name."""
        ...

    async def functions(self) -> list[Function]:
        """List the newest version of each."""
        ...

    async def spawn(self, wish: TaskWish) -> Task:
        """Store one task."""
        ...

    async def run_parallel(self, wish: TaskWish, inputs: Sequence[Any]) -> str:
        """Store one task for each input; returns the name of the whole."""
        ...

    async def status(self, name: str) -> list[Task]:
        """Return the task, or all of that run-parallel."""
        ...

    async def wait(self, name: str, seconds: float) -> list[Task]:
        """Return how it stands when all is over, or after so many seconds."""
        ...

    async def cancel(self, name: str) -> int:
        """End what is not over of it."""
        ...

    async def add_webhook(self, name: str, url: str) -> bool:
        """Tell this address when the task is over."""
        ...


def make_compute_router(desk: Desk, admin_token: str | None) -> APIRouter:
    """Return the routes; every one of them needs the admin token."""
    door = _Door(desk)
    router = APIRouter(prefix="/compute", dependencies=[Depends(AdminOnly(admin_token))])
    routes: list[tuple[str, str, Callable[..., Any]]] = [
        ("POST", "/deploy-function", door.deploy),
        ("GET", "/functions", door.functions),
        ("POST", "/run-parallel", door.run_parallel),
        ("POST", "/spawn-task", door.spawn),
        ("GET", "/status/{task_id}", door.status),
        ("POST", "/cancel/{task_id}", door.cancel),
        ("POST", "/webhook", door.webhook),
    ]
    for method, path, handler in routes:
        router.add_api_route(path, handler, methods=[method])
    return router


class _Door:
    """One method per route."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def deploy(self, request: Request) -> Response:
        """Keep a function: 201 with its version."""
        body = parse_body(DeployBody, await read_body(request, BODY_LIMIT_BYTES))
        for name in ("image_config", "gpu", "secrets", "volumes"):
            if getattr(body, name):
                raise BadInput(f"{name} is not offered here: functions run with Python alone.")
        function = await self._desk.deploy(
            body.function_name, body.function_code, body.timeout, body.memory_bytes
        )
        return JSONResponse({**function_json(function), "status": "registered"}, 201)

    async def functions(self) -> Response:
        """List what is deployed."""
        found = await self._desk.functions()
        return JSONResponse({"functions": [function_json(each) for each in found]})

    async def spawn(self, request: Request) -> Response:
        """Store a task: 202; with `wait`, 200 once it is over."""
        body = parse_body(SpawnBody, await read_body(request, BODY_LIMIT_BYTES))
        key = request.headers.get("idempotency-key", body.id)
        wish = TaskWish(
            function=body.function_name,
            args=body.args,
            kwargs=body.kwargs,
            id=key,
            is_idempotent=body.idempotent,
            webhook=body.webhook_url,
            to=body.to,
        )
        task = await self._desk.spawn(wish)
        return await self._answer(task.new.id, waits=body.wait)

    async def run_parallel(self, request: Request) -> Response:
        """Store a task for each input: 202; with `wait`, 200 once all are over."""
        body = parse_body(ParallelBody, await read_body(request, BODY_LIMIT_BYTES))
        key = request.headers.get("idempotency-key", body.id)
        wish = TaskWish(
            body.function_name, kwargs=body.kwargs, id=key, is_idempotent=body.idempotent
        )
        batch = await self._desk.run_parallel(wish, body.inputs)
        return await self._answer(batch, waits=body.wait)

    async def status(self, task_id: str) -> Response:
        """Tell how a task stands, or a run-parallel with its results in order."""
        return JSONResponse(self._shown(task_id, await self._desk.status(task_id)))

    async def cancel(self, task_id: str) -> Response:
        """Take back what is not over."""
        await self._desk.cancel(task_id)
        return await self.status(task_id)

    async def webhook(self, request: Request) -> Response:
        """Register a callback: 202, also for a task that is over already."""
        body = parse_body(WebhookBody, await read_body(request))
        if not await self._desk.add_webhook(body.task_id, body.webhook_url):
            raise HTTPException(404, f'There is no task "{body.task_id}".')
        return JSONResponse({"task_id": body.task_id, "status": "registered"}, 202)

    async def _answer(self, name: str, *, waits: bool) -> Response:
        tasks = await self._desk.wait(name, LONGEST_WAIT_SECONDS if waits else 0.0)
        is_over = waits and all(task.state.is_over for task in tasks)
        return JSONResponse(self._shown(name, tasks), 200 if is_over else 202)

    def _shown(self, name: str, tasks: Sequence[Task]) -> dict[str, object]:
        if not tasks:
            raise HTTPException(404, f'There is no task "{name}".')
        is_one = tasks[0].new.id == name
        return task_json(tasks[0]) if is_one else batch_json(name, tasks)
