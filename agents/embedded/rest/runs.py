"""/v1/runs: what became of turns, and their streams to follow again."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.rest.deps import PageDep, RunId, ServicesDep, Strings, answer
from agents.embedded.rest.schemas import StreamBody
from agents.embedded.rest.streams import EventStream, run_stream
from agents.embedded.store.runs import RunFilter
from agents.embedded.wire import messages_json, run_json, run_usage_json

router = APIRouter(prefix="/v1/runs")


@router.get("/")
async def list_runs(
    services: ServicesDep,
    paging: PageDep,
    agent_id: str | None = None,
    agent_ids: Strings = None,
    statuses: Strings = None,
    conversation_id: str | None = None,
    stop_reason: str | None = None,
    background: bool | None = None,
    active: bool = False,
) -> JSONResponse:
    """Find runs, newest first unless asked otherwise."""
    only_active = ("created", "running") if active and not statuses else ()
    wanted = RunFilter(
        agent_ids=tuple([agent_id] if agent_id else agent_ids or ()),
        conversation_id=conversation_id,
        statuses=tuple(statuses or only_active),
        background=background,
        stop_reason=stop_reason,
    )
    found = await services.runs.list_page(wanted, paging.page())
    return answer([run_json(run) for run in found])


@router.get("/{run_id}")
async def retrieve_run(run_id: RunId, services: ServicesDep) -> JSONResponse:
    """One run."""
    return answer(run_json(await services.runs.get(run_id)))


@router.get("/{run_id}/messages")
async def list_run_messages(run_id: RunId, services: ServicesDep, paging: PageDep) -> JSONResponse:
    """The messages of one run, its input included, oldest first unless asked otherwise."""
    page = paging.message_page(default="asc")
    return answer(messages_json(await services.runs.messages(run_id, page)))


@router.get("/{run_id}/usage")
async def retrieve_run_usage(run_id: RunId, services: ServicesDep) -> JSONResponse:
    """The tokens of one run."""
    return answer(run_usage_json((await services.runs.get(run_id)).usage))


@router.post("/{run_id}/stream")
async def stream_run(
    run_id: RunId, services: ServicesDep, body: StreamBody | None = None
) -> EventStream:
    """Every event after `starting_after`: of a live run as it comes, of an ended one at once."""
    wanted = body or StreamBody()
    pings = wanted.include_pings is not False
    return await run_stream(services, run_id, starting_after=wanted.starting_after, pings=pings)
