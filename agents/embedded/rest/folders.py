"""/v1/folders, their files, and the folders of an agent."""

from http import HTTPStatus
from typing import cast, get_args

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from agents.embedded.errors import Malformed
from agents.embedded.ids import new_id
from agents.embedded.records import Folder
from agents.embedded.rest.deps import (
    AgentId,
    FileId,
    FolderId,
    PageDep,
    ServicesDep,
    answer,
    answer_page,
    now,
)
from agents.embedded.rest.multipart import parse_form
from agents.embedded.rest.schemas import FolderBody, FolderPatch
from agents.embedded.services.agents import EVERYTHING
from agents.embedded.services.folders import OnDuplicate
from agents.embedded.wire import agent_file_json, agent_json, file_json, folder_json

router = APIRouter()


@router.post("/v1/folders/")
async def create_folder(body: FolderBody, services: ServicesDep) -> JSONResponse:
    """Make an empty folder; no embedding is needed, files are found by their words."""
    folder = Folder(
        new_id("source"), body.name, now(), body.description, body.instructions, body.metadata or {}
    )
    return answer(folder_json(await services.folders.create(folder)))


@router.get("/v1/folders/")
async def list_folders(
    services: ServicesDep, paging: PageDep, name: str | None = None
) -> JSONResponse:
    """Find folders."""
    found = await services.folders.list_page(name, paging.page(default="asc"))
    return answer([folder_json(folder) for folder in found])


@router.get("/v1/folders/{folder_id}")
async def retrieve_folder(folder_id: FolderId, services: ServicesDep) -> JSONResponse:
    """One folder."""
    return answer(folder_json(await services.folders.get(folder_id)))


@router.patch("/v1/folders/{folder_id}")
async def update_folder(
    folder_id: FolderId, body: FolderPatch, services: ServicesDep
) -> JSONResponse:
    """Change what is given."""
    change = body.model_dump(exclude_none=True)
    return answer(folder_json(await services.folders.update(folder_id, change)))


@router.delete("/v1/folders/{folder_id}")
async def delete_folder(folder_id: FolderId, services: ServicesDep) -> JSONResponse:
    """Remove a folder with its files."""
    await services.folders.delete(folder_id)
    return answer(None)


@router.post("/v1/folders/{folder_id}/upload")
async def upload_file(
    folder_id: FolderId,
    request: Request,
    services: ServicesDep,
    name: str | None = None,
    duplicate_handling: str = "suffix",
) -> JSONResponse:
    """Store a file; it is read and searchable when this returns."""
    form = parse_form(request.headers.get("content-type", ""), await request.body())
    part = form.get("file")
    if part is None or duplicate_handling not in get_args(OnDuplicate):
        raise Malformed("An upload needs `file`, and `duplicate_handling` as Letta knows it.")
    handling = cast("OnDuplicate", duplicate_handling)
    named = name or part.file_name or "file"
    file = await services.folders.upload(folder_id, named, part.mime, part.data, handling)
    return answer(file_json(file))


@router.get("/v1/folders/{folder_id}/files")
async def list_files(
    folder_id: FolderId, services: ServicesDep, paging: PageDep, include_content: bool = False
) -> JSONResponse:
    """A page of a folder's files."""
    found = await services.folders.files(folder_id, paging.page(default="asc"))
    return answer([file_json(file, with_content=include_content) for file in found])


@router.get("/v1/folders/{folder_id}/files/{file_id}")
async def retrieve_file(
    folder_id: FolderId, file_id: FileId, services: ServicesDep, include_content: bool = False
) -> JSONResponse:
    """One file."""
    file = await services.folders.file(folder_id, file_id)
    return answer(file_json(file, with_content=include_content))


@router.delete("/v1/folders/{folder_id}/{file_id}")
async def delete_file(folder_id: FolderId, file_id: FileId, services: ServicesDep) -> Response:
    """Remove a file."""
    await services.folders.delete_file(folder_id, file_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/v1/folders/{folder_id}/agents")
async def list_agents_of_folder(folder_id: FolderId, services: ServicesDep) -> JSONResponse:
    """The ids of the agents that may look into a folder; all on one page, as ids do not page."""
    await services.folders.get(folder_id)
    return answer(await services.folders.agents_of(folder_id))


@router.get("/v1/agents/{agent_id}/folders")
async def list_agent_folders(
    agent_id: AgentId, services: ServicesDep, paging: PageDep
) -> JSONResponse:
    """The folders an agent may look into."""
    folders = await services.folders.of_agent(agent_id)
    return answer_page([folder_json(folder) for folder in folders], paging)


@router.patch("/v1/agents/{agent_id}/folders/attach/{folder_id}")
async def attach_folder(
    agent_id: AgentId, folder_id: FolderId, services: ServicesDep
) -> JSONResponse:
    """Let an agent look into a folder."""
    await services.folders.attach(agent_id, folder_id)
    return answer(agent_json(await services.agents.view(agent_id, EVERYTHING)))


@router.patch("/v1/agents/{agent_id}/folders/detach/{folder_id}")
async def detach_folder(
    agent_id: AgentId, folder_id: FolderId, services: ServicesDep
) -> JSONResponse:
    """Close a folder to an agent."""
    await services.folders.detach(agent_id, folder_id)
    return answer(agent_json(await services.agents.view(agent_id, EVERYTHING)))


@router.get("/v1/agents/{agent_id}/files")
async def list_agent_files(agent_id: AgentId, services: ServicesDep) -> JSONResponse:
    """The files an agent may look into; all of them on one page."""
    found = await services.folders.files_of_agent(agent_id)
    files = [agent_file_json(folder, file) for folder, file in found]
    return answer({"files": files, "next_cursor": None, "has_more": False})
