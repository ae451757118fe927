"""/v1/agents/import and /v1/agents/{id}/export: agents as files."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from agents.embedded.errors import Malformed
from agents.embedded.rest.agents import checked_handle
from agents.embedded.rest.deps import AgentId, ServicesDep, answer
from agents.embedded.rest.multipart import Part, parse_form
from agents.embedded.services.agent_file import read_agent_file
from agents.embedded.services.agent_files import ImportOptions

router = APIRouter(prefix="/v1/agents")


@router.get("/{agent_id}/export")
async def export_agent(
    agent_id: AgentId,
    services: ServicesDep,
    conversation_id: str | None = None,
    scrub_messages: bool = False,
) -> JSONResponse:
    """The agent as a file, with its default thread or the one that is named."""
    thread = conversation_id or agent_id
    return answer(await services.agent_files.export(agent_id, thread, scrub=scrub_messages))


@router.post("/import")
async def import_agents(request: Request, services: ServicesDep) -> JSONResponse:
    """Make the agents of a file; they think with this server's model unless one is named."""
    form = parse_form(request.headers.get("content-type", ""), await request.body())
    if "file" not in form:
        raise Malformed("An import needs `file`.")
    model = _text(form, "model") or _text(form, "override_model_handle")
    options = ImportOptions(
        model=checked_handle(model, services.options),
        name=_text(form, "name") or _text(form, "override_name"),
        suffix="_copy" if _flag(form, "append_copy_suffix", default=True) else "",
        strip_messages=_flag(form, "strip_messages"),
        replace_tools=_flag(form, "override_existing_tools", default=True),
    )
    made = await services.agent_files.import_(read_agent_file(form["file"].data), options)
    return answer({"agent_ids": made})


def _text(form: dict[str, Part], name: str) -> str | None:
    return form[name].text if name in form else None


def _flag(form: dict[str, Part], name: str, *, default: bool = False) -> bool:
    text = _text(form, name)
    return default if text is None else text.lower() == "true"
