"""/v1/tools, the tools of an agent, and /v1/tags."""

from dataclasses import replace

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from agents.embedded.errors import Refused
from agents.embedded.ids import new_id
from agents.embedded.records import Tool
from agents.embedded.rest.deps import AgentId, PageDep, ServicesDep, ToolId, answer, answer_page
from agents.embedded.rest.schemas import ToolBody, ToolPatch, ToolRunBody
from agents.embedded.services.tool_schema import describe_function
from agents.embedded.wire import agent_json, outcome_json, tool_json

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


@router.patch("/v1/tools/{tool_id}")
async def update_tool(tool_id: ToolId, body: ToolPatch, services: ServicesDep) -> JSONResponse:
    """Change a stored tool; a new source brings its own schema."""
    tool = await services.tools.get(tool_id)
    source = body.source_code or tool.source_code or ""
    described = describe_function(source) if body.source_code else None
    given = body.json_schema or {}
    shown = described.parameters if described else tool.parameters
    about = described.description if described else tool.description
    changed = replace(
        tool,
        name=described.name if described else tool.name,
        description=body.description or about,
        parameters=given.get("parameters") or shown,
        source_code=source,
        tags=tool.tags if body.tags is None else tuple(body.tags),
    )
    if changed.name != tool.name:
        raise Refused(f'The function must keep its name, "{tool.name}".')
    return answer(tool_json(await services.tools.upsert(changed)))


@router.delete("/v1/tools/{tool_id}")
async def delete_tool(tool_id: ToolId, services: ServicesDep) -> JSONResponse:
    """Remove a tool, from its agents too."""
    await services.tools.delete(tool_id)
    return answer({"message": f"Tool id={tool_id} successfully deleted"})


@router.get("/v1/agents/{agent_id}/tools")
async def list_agent_tools(
    agent_id: AgentId, services: ServicesDep, paging: PageDep
) -> JSONResponse:
    """The tools an agent has."""
    tools = await services.agents.tools(agent_id)
    return answer_page([tool_json(tool) for tool in tools], paging)


@router.patch("/v1/agents/{agent_id}/tools/attach/{tool_id}")
async def attach_tool(agent_id: AgentId, tool_id: ToolId, services: ServicesDep) -> JSONResponse:
    """Give a tool to an agent."""
    return answer(agent_json(await services.agents.attach_tool(agent_id, tool_id)))


@router.patch("/v1/agents/{agent_id}/tools/detach/{tool_id}")
async def detach_tool(agent_id: AgentId, tool_id: ToolId, services: ServicesDep) -> JSONResponse:
    """Take a tool from an agent."""
    return answer(agent_json(await services.agents.detach_tool(agent_id, tool_id)))


@router.post("/v1/agents/{agent_id}/tools/{tool_name}/run")
async def run_tool(
    agent_id: AgentId, tool_name: str, services: ServicesDep, body: ToolRunBody | None = None
) -> JSONResponse:
    """Call a tool the agent has, outside of any turn."""
    arguments = body.args if body else {}
    outcome = await services.tools.run(agent_id, tool_name, arguments)
    return answer(outcome_json(outcome))


@router.get("/v1/tags/")
async def list_tags(services: ServicesDep) -> JSONResponse:
    """Every tag in use."""
    return answer(await services.agents.tags())
