"""/v1/conversations: threads, their messages and their turns (always streamed)."""

from typing import Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from agents.embedded.errors import ApprovalPending, Refused
from agents.embedded.records import Json
from agents.embedded.rest.deps import (
    ConversationId,
    PageDep,
    Services,
    ServicesDep,
    Strings,
    answer,
    resolve_conversation,
    without_none,
)
from agents.embedded.rest.parsing import turn_input
from agents.embedded.rest.schemas import ConversationBody, StreamBody, TurnBody
from agents.embedded.rest.streams import EventStream, refusal_stream, run_stream
from agents.embedded.services.conversations import ConversationChange
from agents.embedded.store.conversations import ConversationFilter
from agents.embedded.wire import compacted_json, conversation_json, messages_json

router = APIRouter(prefix="/v1/conversations")

_KEPT = {"description", "model", "model_settings", "context_window_limit"}


@router.post("/")
async def create_conversation(
    services: ServicesDep, agent_id: str = Query(), body: ConversationBody | None = None
) -> JSONResponse:
    """Begin a thread of an agent."""
    given = body or ConversationBody()
    made = await services.conversations.create(agent_id, given.summary, _settings(given))
    return answer(conversation_json(made))


@router.get("/")
async def list_conversations(
    services: ServicesDep,
    paging: PageDep,
    agent_id: str | None = None,
    summary_search: str | None = None,
    archive_status: Literal["unarchived", "archived", "all"] = "unarchived",
) -> JSONResponse:
    """Find threads, newest first unless asked otherwise."""
    archived = None if archive_status == "all" else archive_status == "archived"
    wanted = ConversationFilter(agent_id, summary_search, archived)
    found = await services.conversations.list_page(wanted, paging.page())
    return answer([conversation_json(conversation) for conversation in found])


@router.get("/{conversation_id}")
async def retrieve_conversation(
    conversation_id: ConversationId, services: ServicesDep
) -> JSONResponse:
    """One thread."""
    return answer(conversation_json(await services.conversations.get(conversation_id)))


@router.patch("/{conversation_id}")
async def update_conversation(
    conversation_id: ConversationId, body: ConversationBody, services: ServicesDep
) -> JSONResponse:
    """Change what is given."""
    change = ConversationChange(body.summary, body.archived, _settings(body))
    return answer(conversation_json(await services.conversations.update(conversation_id, change)))


@router.delete("/{conversation_id}")
async def delete_conversation(
    conversation_id: ConversationId, services: ServicesDep
) -> JSONResponse:
    """Remove a thread with everything said in it; an agent's default thread stays."""
    if not conversation_id.startswith("conv-"):
        raise Refused("An agent's default conversation is removed with the agent only.")
    await services.conversations.delete(conversation_id)
    return answer(None)


@router.get("/{conversation_id}/messages")
async def list_messages(
    conversation_id: ConversationId,
    services: ServicesDep,
    paging: PageDep,
    agent_id: str | None = None,
    include_err: bool = False,
    include_return_message_types: Strings = None,
) -> JSONResponse:
    """What was said, newest first unless asked otherwise; `after` always means newer."""
    stored_id = resolve_conversation(conversation_id, agent_id)
    page = paging.message_page()
    found = await services.conversations.messages(stored_id, page, with_errors=include_err)
    oldest_first = found if page.ascending else found[::-1]
    parts = messages_json(oldest_first, include_return_message_types)
    return answer(parts if page.ascending else parts[::-1])


@router.post("/{conversation_id}/messages")
async def create_message(
    conversation_id: ConversationId, body: TurnBody, services: ServicesDep
) -> EventStream:
    """Begin a turn and stream it; a request with known otids gives its first run's stream."""
    stored_id = resolve_conversation(conversation_id, body.agent_id)
    try:
        run = await services.runs.start(turn_input(body, stored_id))
    except ApprovalPending as error:
        return refusal_stream(error)
    return await run_stream(services, run.id, pings=body.include_pings)


@router.post("/{conversation_id}/stream")
async def stream_messages(
    conversation_id: ConversationId, services: ServicesDep, body: StreamBody | None = None
) -> EventStream:
    """Follow a run: the one named, the one an otid began, or the one that is running."""
    wanted = body or StreamBody()
    run_id = await _run_to_follow(services, conversation_id, wanted)
    pings = wanted.include_pings is not False
    return await run_stream(services, run_id, starting_after=wanted.starting_after, pings=pings)


@router.post("/{conversation_id}/cancel")
async def cancel_conversation(
    conversation_id: ConversationId, services: ServicesDep, agent_id: str | None = None
) -> JSONResponse:
    """Stop what runs and answer tool calls that wait; done when this returns."""
    stored_id = resolve_conversation(conversation_id, agent_id)
    await services.conversations.get(stored_id)
    return answer(await services.runs.cancel_conversation(stored_id))


@router.post("/{conversation_id}/compact")
async def compact_conversation(
    conversation_id: ConversationId, services: ServicesDep, agent_id: str | None = None
) -> JSONResponse:
    """Summarise what was said before the last message; nothing is removed."""
    stored_id = resolve_conversation(conversation_id, agent_id)
    await services.conversations.get(stored_id)
    return answer(compacted_json(await services.compactor.compact_now(stored_id)))


async def _run_to_follow(services: Services, conversation_id: str, wanted: StreamBody) -> str:
    if wanted.run_id:
        return wanted.run_id
    if wanted.otid:
        return (await services.runs.of_otid(wanted.otid)).id
    stored_id = resolve_conversation(conversation_id, wanted.agent_id)
    await services.conversations.get(stored_id)
    active = await services.runs.active_in(stored_id)
    if not active:
        raise Refused("INVALID_ARGUMENT: No active runs found for this conversation.")
    return active[0]


def _settings(body: ConversationBody) -> Json:
    return without_none(body.model_dump(include=_KEPT))
