"""/v1/tools, the tools of an agent, and /v1/tags."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.ids import new_id
from agents.embedded.records import Tool
from agents.embedded.rest.deps import AgentId, PageDep, ServicesDep, ToolId, answer
from agents.embedded.rest.schemas import ToolBody
from agents.embedded.services.tool_schema import describe_function
from agents.embedded.wire import agent_json, tool_json

router = APIRouter()


@router.put("/v1/tools/")
@router.post("/v1/tools/")
async def upsert_tool(body: ToolBody, services: ServicesDep) -> JSONResponse:
    """Keep a Python tool; its schema comes from its signature and Google docstring."""
    described = describe_function(body.source_code)
    given = body.json_schema or {}
    tool = Tool(
        id=new_id("tool"),
        name=described.name,
        description=body.description or described.description,
        parameters=given.get("parameters") or described.parameters,
        tool_type="custom",
        source_code=body.source_code,
        tags=tuple(body.tags or ()),
    )
    return answer(tool_json(await services.tools.upsert(tool)))


@router.get("/v1/tools/")
async def list_tools(
    services: ServicesDep, paging: PageDep, name: str | None = None
) -> JSONResponse:
    """Every tool there is."""
    found = await services.tools.list_page(name, paging.page(default="asc"))
    return answer([tool_json(tool) for tool in found])


@router.get("/v1/tools/{tool_id}")
async def retrieve_tool(tool_id: ToolId, services: ServicesDep) -> JSONResponse:
    """One tool."""
    return answer(tool_json(await services.tools.get(tool_id)))


@router.delete("/v1/tools/{tool_id}")
async def delete_tool(tool_id: ToolId, services: ServicesDep) -> JSONResponse:
    """Remove a tool, from its agents too."""
    await services.tools.delete(tool_id)
    return answer({"message": f"Tool id={tool_id} successfully deleted"})


@router.get("/v1/agents/{agent_id}/tools")
async def list_agent_tools(agent_id: AgentId, services: ServicesDep) -> JSONResponse:
    """The tools an agent has; all of them on one page."""
    return answer([tool_json(tool) for tool in await services.agents.tools(agent_id)])


@router.patch("/v1/agents/{agent_id}/tools/attach/{tool_id}")
async def attach_tool(agent_id: AgentId, tool_id: ToolId, services: ServicesDep) -> JSONResponse:
    """Give a tool to an agent."""
    return answer(agent_json(await services.agents.attach_tool(agent_id, tool_id)))


@router.patch("/v1/agents/{agent_id}/tools/detach/{tool_id}")
async def detach_tool(agent_id: AgentId, tool_id: ToolId, services: ServicesDep) -> JSONResponse:
    """Take a tool from an agent."""
    return answer(agent_json(await services.agents.detach_tool(agent_id, tool_id)))


@router.get("/v1/tags/")
async def list_tags(services: ServicesDep) -> JSONResponse:
    """Every tag in use."""
    return answer(await services.agents.tags())
