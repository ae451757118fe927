"""/v1/agents: agents themselves; their blocks, tools and messages have routers of their own."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.errors import NotFound
from agents.embedded.ids import new_id
from agents.embedded.options import OFFLINE_HANDLE, EmbeddedOptions
from agents.embedded.records import Block, Json
from agents.embedded.rest.deps import (
    AgentId,
    PageDep,
    ServicesDep,
    Strings,
    answer,
    without_none,
)
from agents.embedded.rest.schemas import AgentBody, AgentFields, BlockBody
from agents.embedded.services.agents import AgentChange, Included, NewAgent
from agents.embedded.store.agents import AgentFilter
from agents.embedded.wire import agent_json

router = APIRouter(prefix="/v1/agents")

_KEPT = {
    "metadata",
    "description",
    "timezone",
    "hidden",
    "embedding",
    "model_settings",
    "context_window_limit",
}


@router.post("/")
async def create_agent(body: AgentBody, services: ServicesDep) -> JSONResponse:
    """Make an agent."""
    new = NewAgent(
        name=body.name or "Agent",
        agent_type=body.agent_type,
        system=body.system,
        model=checked_handle(body.model, services.options),
        tags=tuple(body.tags or ()),
        settings=_settings(body),
        blocks=tuple(new_block(block) for block in body.memory_blocks or ()),
        block_ids=tuple(body.block_ids or ()),
        tool_ids=tuple(body.tool_ids or ()),
        tool_names=tuple(body.tools or ()),
        include_base_tools=body.include_base_tools is not False,
    )
    return answer(agent_json(await services.agents.create(new)))


@router.get("/")
async def list_agents(
    services: ServicesDep,
    paging: PageDep,
    name: str | None = None,
    query_text: str | None = None,
    match_all_tags: bool = False,
    tags: Strings = None,
    include: Strings = None,
) -> JSONResponse:
    """Find agents; newest first unless asked otherwise."""
    wanted = AgentFilter(name, query_text, tuple(tags or ()), match_all_tags)
    views = await services.agents.list_page(wanted, paging.page(), _included(include))
    return answer([agent_json(view) for view in views])


@router.get("/{agent_id}")
async def retrieve_agent(
    agent_id: AgentId, services: ServicesDep, include: Strings = None
) -> JSONResponse:
    """One agent; blocks, tools and tags only when asked for."""
    return answer(agent_json(await services.agents.view(agent_id, _included(include))))


@router.patch("/{agent_id}")
async def update_agent(agent_id: AgentId, body: AgentFields, services: ServicesDep) -> JSONResponse:
    """Change what is given; tags and metadata are replaced whole."""
    change = AgentChange(
        name=body.name,
        system=body.system,
        model=checked_handle(body.model, services.options) if body.model else None,
        tags=None if body.tags is None else tuple(body.tags),
        settings=_settings(body),
        block_ids=None if body.block_ids is None else tuple(body.block_ids),
        tool_ids=None if body.tool_ids is None else tuple(body.tool_ids),
    )
    return answer(agent_json(await services.agents.update(agent_id, change)))


@router.delete("/{agent_id}")
async def delete_agent(agent_id: AgentId, services: ServicesDep) -> JSONResponse:
    """Remove an agent with its conversations; shared blocks stay."""
    await services.agents.delete(agent_id)
    return answer({"message": f"Agent id={agent_id} successfully deleted"})


def new_block(body: BlockBody) -> Block:
    """A block as asked for, with a fresh id."""
    return Block(
        id=new_id("block"),
        label=body.label,
        value=body.value,
        limit=body.limit,
        description=body.description,
        read_only=body.read_only,
        metadata=body.metadata or {},
        tags=tuple(body.tags or ()),
    )


def default_handle(options: EmbeddedOptions) -> str:
    """The model of an agent that names none."""
    return f"openai-proxy/{options.model.name}" if options.model else OFFLINE_HANDLE


def checked_handle(handle: str | None, options: EmbeddedOptions) -> str:
    """The handle, if it can be one: the endpoint itself knows which models it has."""
    if handle is None:
        return default_handle(options)
    if "/" not in handle:
        known = default_handle(options)
        raise NotFound(f"NOT_FOUND: Handle {handle} not found, must be one of ['{known}']")
    return handle


def _settings(body: AgentFields) -> Json:
    return without_none(body.model_dump(include=_KEPT))


def _included(names: list[str] | None) -> Included:
    given = set(names or ())
    return Included(
        blocks="agent.blocks" in given,
        tools="agent.tools" in given,
        tags="agent.tags" in given,
        pending="agent.pending_approval" in given,
    )
