"""What every router needs: the services, checked path ids, JSON answers, list pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias

from fastapi import Depends, Path, Query, Request
from fastapi.responses import JSONResponse

from agents.embedded.errors import Malformed
from agents.embedded.options import EmbeddedOptions
from agents.embedded.records import Json
from agents.embedded.services.agent_files import AgentFileService
from agents.embedded.services.agents import AgentService
from agents.embedded.services.archival import ArchivalService
from agents.embedded.services.blocks import BlockService
from agents.embedded.services.conversations import ConversationService
from agents.embedded.services.folders import FolderService
from agents.embedded.services.runs import RunService
from agents.embedded.services.tools import ToolService
from agents.embedded.steps.compaction import Compactor
from agents.embedded.store.paging import Page


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind REST, opened by the server's lifespan."""

    options: EmbeddedOptions
    agents: AgentService
    blocks: BlockService
    conversations: ConversationService
    runs: RunService
    tools: ToolService
    archival: ArchivalService
    compactor: Compactor
    folders: FolderService
    agent_files: AgentFileService


# Dependencies are coroutines: FastAPI sends plain functions to a thread, for every request.


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]

_UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
AGENT_ID = f"^agent-{_UUID4}$"
AgentId = Annotated[str, Path(pattern=AGENT_ID)]
ArchiveId = Annotated[str, Path(pattern=f"^archive-{_UUID4}$")]
BlockId = Annotated[str, Path(pattern=f"^block-{_UUID4}$")]
ConversationId = Annotated[str, Path(pattern=f"^(default|(conv|agent)-{_UUID4})$")]
FileId = Annotated[str, Path(pattern=f"^file-{_UUID4}$")]
FolderId = Annotated[str, Path(pattern=f"^source-{_UUID4}$")]
PassageId = Annotated[str, Path(pattern=f"^passage-{_UUID4}$")]
RunId = Annotated[str, Path(pattern=f"^run-{_UUID4}$")]
ToolId = Annotated[str, Path(pattern=f"^tool-{_UUID4}$")]
Order: TypeAlias = Literal["asc", "desc"]
Strings = Annotated[list[str] | None, Query()]


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The paging parameters that every Letta listing has."""

    after: str | None
    before: str | None
    limit: int
    order: Order | None
    ascending: bool | None

    def page(self, *, default: Order = "desc") -> Page:
        """`after` follows the order."""
        ordered = (self.order or default) == "asc"
        ascending = ordered if self.ascending is None else self.ascending
        return Page(self.limit, ascending, self.after, self.before)

    def message_page(self, *, default: Order = "desc") -> Page:
        """`after` always means newer, as in Letta's message lists."""
        ascending = (self.order or default) == "asc"
        return Page(self.limit, ascending, self.after, self.before, after_is_newer=True)


async def _page_query(
    after: str | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    order: Order | None = None,
    ascending: bool | None = None,
) -> PageQuery:
    return PageQuery(after, before, limit, order, ascending)


PageDep = Annotated[PageQuery, Depends(_page_query)]


def answer(content: Mapping[str, object] | Sequence[object] | None) -> JSONResponse:
    """A JSON answer; the content is JSON already, so nothing is converted."""
    return JSONResponse(content)


def answer_page(items: Sequence[Json], paging: PageQuery) -> JSONResponse:
    """The part of a whole list that is asked for, by the ids of its items.

    Clients ask for the next page until one is empty: a list that ignored `after` has no end.
    """
    ids = [item["id"] for item in items]
    start = ids.index(paging.after) + 1 if paging.after in ids else 0
    return JSONResponse(items[start : start + paging.limit])


def resolve_conversation(conversation_id: str, agent_id: str | None) -> str:
    """The stored id: an agent's default thread has the agent's id."""
    if conversation_id != "default":
        return conversation_id
    if agent_id is None:
        raise Malformed('The "default" conversation needs `agent_id`.')
    return agent_id


def now() -> str:
    """This moment, as it is stored."""
    return datetime.now(UTC).isoformat()


def without_none(values: Json) -> Json:
    """Only what was given."""
    return {key: value for key, value in values.items() if value is not None}
