"""/v1/agents/{id}/archival-memory: long-term memory, searched by words."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.rest.deps import AgentId, PageDep, PassageId, ServicesDep, Strings, answer
from agents.embedded.rest.schemas import PassageBody
from agents.embedded.wire import found_passages_json, passage_json

router = APIRouter(prefix="/v1/agents/{agent_id}/archival-memory")


@router.post("")
async def create_passage(
    agent_id: AgentId, body: PassageBody, services: ServicesDep
) -> JSONResponse:
    """Add an entry."""
    made = await services.archival.create(agent_id, body.text, tuple(body.tags or ()))
    return answer([passage_json(made)])


@router.get("")
async def list_passages(
    agent_id: AgentId, services: ServicesDep, paging: PageDep, search: str | None = None
) -> JSONResponse:
    """The entries, oldest first unless asked otherwise."""
    page = paging.page(default="asc")
    found = await services.archival.list_page(agent_id, page, search)
    return answer([passage_json(passage) for passage in found])


@router.get("/search")
async def search_passages(
    agent_id: AgentId,
    services: ServicesDep,
    query: str,
    top_k: int | None = None,
    tags: Strings = None,
) -> JSONResponse:
    """The entries that share words with the query, best first."""
    found = await services.archival.search(agent_id, query, top_k or 10, frozenset(tags or ()))
    return answer(found_passages_json(found))


@router.delete("/{passage_id}")
async def delete_passage(
    agent_id: AgentId, passage_id: PassageId, services: ServicesDep
) -> JSONResponse:
    """Remove an entry."""
    await services.archival.delete(agent_id, passage_id)
    return answer({"message": f"Passage id={passage_id} successfully deleted"})
