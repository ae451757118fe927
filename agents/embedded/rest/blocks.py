"""/v1/blocks and the blocks of an agent (`core-memory`)."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.rest.agents import new_block
from agents.embedded.rest.deps import (
    AgentId,
    BlockId,
    PageDep,
    ServicesDep,
    Strings,
    answer,
    answer_page,
)
from agents.embedded.rest.schemas import BlockBody, BlockPatch
from agents.embedded.services.agents import EVERYTHING
from agents.embedded.services.blocks import BlockChange
from agents.embedded.store.blocks import BlockFilter
from agents.embedded.wire import agent_json, block_json

router = APIRouter()


@router.post("/v1/blocks/")
async def create_block(body: BlockBody, services: ServicesDep) -> JSONResponse:
    """Make a block that no agent sees yet."""
    return answer(block_json(await services.blocks.create(new_block(body))))


@router.get("/v1/blocks/")
async def list_blocks(
    services: ServicesDep,
    paging: PageDep,
    label: str | None = None,
    label_search: str | None = None,
    value_search: str | None = None,
    match_all_tags: bool = False,
    tags: Strings = None,
) -> JSONResponse:
    """Find blocks."""
    wanted = BlockFilter(label, label_search, value_search, tuple(tags or ()), match_all_tags)
    blocks = await services.blocks.list_page(wanted, paging.page(default="asc"))
    return answer([block_json(block) for block in blocks])


@router.get("/v1/blocks/{block_id}")
async def retrieve_block(block_id: BlockId, services: ServicesDep) -> JSONResponse:
    """One block."""
    return answer(block_json(await services.blocks.get(block_id)))


@router.patch("/v1/blocks/{block_id}")
async def update_block(block_id: BlockId, body: BlockPatch, services: ServicesDep) -> JSONResponse:
    """Change a block for all its agents."""
    return answer(block_json(await services.blocks.update(block_id, _change(body))))


@router.delete("/v1/blocks/{block_id}")
async def delete_block(block_id: BlockId, services: ServicesDep) -> JSONResponse:
    """Remove a block, from its agents too."""
    await services.blocks.delete(block_id)
    return answer({"message": f"Block id={block_id} successfully deleted"})


@router.get("/v1/blocks/{block_id}/agents")
async def list_agents_of_block(
    block_id: BlockId, services: ServicesDep, paging: PageDep
) -> JSONResponse:
    """The agents that see a block."""
    agent_ids = await services.blocks.agents_of(block_id)
    views = [await services.agents.view(agent_id, EVERYTHING) for agent_id in agent_ids]
    return answer_page([agent_json(view) for view in views], paging)


@router.get("/v1/agents/{agent_id}/core-memory/blocks")
async def list_agent_blocks(
    agent_id: AgentId, services: ServicesDep, paging: PageDep
) -> JSONResponse:
    """The blocks an agent sees."""
    blocks = await services.blocks.of_agent(agent_id)
    return answer_page([block_json(block) for block in blocks], paging)


@router.get("/v1/agents/{agent_id}/core-memory/blocks/{label}")
async def retrieve_agent_block(
    agent_id: AgentId, label: str, services: ServicesDep
) -> JSONResponse:
    """The agent's block with this label."""
    return answer(block_json(await services.blocks.labelled(agent_id, label)))


@router.patch("/v1/agents/{agent_id}/core-memory/blocks/{label}")
async def update_agent_block(
    agent_id: AgentId, label: str, body: BlockPatch, services: ServicesDep
) -> JSONResponse:
    """Change the agent's block with this label."""
    return answer(block_json(await services.blocks.update_labelled(agent_id, label, _change(body))))


@router.patch("/v1/agents/{agent_id}/core-memory/blocks/attach/{block_id}")
async def attach_block(agent_id: AgentId, block_id: BlockId, services: ServicesDep) -> JSONResponse:
    """Let an agent see a block."""
    await services.blocks.attach(agent_id, block_id)
    return answer(agent_json(await services.agents.view(agent_id, EVERYTHING)))


@router.patch("/v1/agents/{agent_id}/core-memory/blocks/detach/{block_id}")
async def detach_block(agent_id: AgentId, block_id: BlockId, services: ServicesDep) -> JSONResponse:
    """Take a block from an agent."""
    await services.blocks.detach(agent_id, block_id)
    return answer(agent_json(await services.agents.view(agent_id, EVERYTHING)))


def _change(body: BlockPatch) -> BlockChange:
    return BlockChange(
        label=body.label,
        value=body.value,
        limit=body.limit,
        description=body.description,
        read_only=body.read_only,
        metadata=body.metadata,
        tags=None if body.tags is None else tuple(body.tags),
    )
