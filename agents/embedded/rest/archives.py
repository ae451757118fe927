"""/v1/archives: where an agent's entries are kept; here each agent has one, of its own."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from agents.embedded.errors import NotFound
from agents.embedded.rest.deps import AGENT_ID, ArchiveId, PageDep, ServicesDep, answer, answer_page
from agents.embedded.services.agents import Included
from agents.embedded.wire import agent_json, archive_json

router = APIRouter(prefix="/v1/archives")


@router.get("/")
async def list_archives(
    agent_id: Annotated[str, Query(pattern=AGENT_ID)], services: ServicesDep, paging: PageDep
) -> JSONResponse:
    """The archive of an agent; none before its first entry."""
    found = await services.archival.archive_of(agent_id)
    return answer_page([] if found is None else [archive_json(found)], paging)


@router.get("/{archive_id}")
async def retrieve_archive(archive_id: ArchiveId, services: ServicesDep) -> JSONResponse:
    """One archive."""
    return answer(archive_json(await services.archival.archive(archive_id)))


@router.get("/{archive_id}/agents")
async def list_agents_of_archive(archive_id: ArchiveId, services: ServicesDep) -> JSONResponse:
    """The one agent whose archive it is; none of an archive that is not there, as Letta has it."""
    try:
        archive = await services.archival.archive(archive_id)
    except NotFound:
        return answer([])
    return answer([agent_json(await services.agents.view(archive.agent.id, Included()))])


@router.delete("/{archive_id}")
async def delete_archive(archive_id: ArchiveId, services: ServicesDep) -> Response:
    """Remove all entries of an agent."""
    await services.archival.delete_archive(archive_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
