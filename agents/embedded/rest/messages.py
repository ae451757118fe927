"""/v1/agents/{id}/messages: turns in an agent's default thread, for clients of the older API.

They share the lock and the idempotency of the default conversation, which Letta's have not.
"""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from agents.embedded.errors import EmbeddedError
from agents.embedded.records import Json, Run
from agents.embedded.rest.deps import (
    AgentId,
    PageDep,
    Services,
    ServicesDep,
    Strings,
    answer,
)
from agents.embedded.rest.parsing import blocking, turn_input
from agents.embedded.rest.schemas import CancelBody, TurnBody
from agents.embedded.rest.streams import run_stream
from agents.embedded.services.agents import EVERYTHING
from agents.embedded.store.paging import Page
from agents.embedded.store.runs import RunFilter
from agents.embedded.wire import agent_json, compacted_json, messages_json, run_json, usage_json

router = APIRouter(prefix="/v1/agents/{agent_id}")

_STATUS_OF_ERROR = {
    "llm_bad_request": 400,
    "llm_authentication": 401,
    "unknown_model": 404,
    "llm_rate_limit": 429,
    "llm_timeout": 504,
}


@router.post("/messages")
async def create_message(agent_id: AgentId, body: TurnBody, services: ServicesDep) -> Response:
    """A turn: streamed when asked, else answered whole when it has ended."""
    turn = turn_input(body, agent_id)
    if body.streaming:
        run = await services.runs.start(turn)
        return await run_stream(services, run.id, pings=body.include_pings)
    run = await services.runs.start(blocking(turn))
    return await _whole(services, await services.runs.wait(run.id))


@router.post("/messages/stream")
async def stream_message(agent_id: AgentId, body: TurnBody, services: ServicesDep) -> Response:
    """A streamed turn (the older address)."""
    run = await services.runs.start(turn_input(body, agent_id))
    return await run_stream(services, run.id, pings=body.include_pings)


@router.post("/messages/async")
async def create_message_async(
    agent_id: AgentId, body: TurnBody, services: ServicesDep
) -> JSONResponse:
    """A turn that nobody waits for."""
    return answer(run_json(await services.runs.start(turn_input(body, agent_id))))


@router.post("/messages/cancel")
async def cancel_messages(
    agent_id: AgentId, services: ServicesDep, body: CancelBody | None = None
) -> JSONResponse:
    """Stop these runs, or all of the agent's and what waits in its default thread."""
    await services.conversations.get(agent_id)
    if body is not None and body.run_ids:
        return answer(await services.runs.cancel(body.run_ids))
    wanted = RunFilter(agent_ids=(agent_id,), statuses=("created", "running"))
    active = await services.runs.list_page(wanted, Page(limit=1000))
    outcome = await services.runs.cancel([run.id for run in active])
    return answer(outcome | await services.runs.clear_pending(agent_id))


@router.get("/messages")
async def list_messages(
    agent_id: AgentId,
    services: ServicesDep,
    paging: PageDep,
    conversation_id: str | None = None,
    include_err: bool = False,
    include_return_message_types: Strings = None,
) -> JSONResponse:
    """What was said; with `desc` the newest of it, still oldest first, as Letta does."""
    thread = agent_id if conversation_id in (None, "default") else conversation_id
    page = paging.message_page()
    found = await services.conversations.messages(thread, page, with_errors=include_err)
    oldest_first = found if page.ascending else found[::-1]
    return answer(messages_json(oldest_first, include_return_message_types))


@router.patch("/reset-messages")
async def reset_messages(agent_id: AgentId, services: ServicesDep) -> JSONResponse:
    """Forget what was said in the default thread; memory blocks stay."""
    await services.conversations.clear(agent_id)
    return answer(agent_json(await services.agents.view(agent_id, EVERYTHING)))


@router.post("/summarize")
async def compact_messages(agent_id: AgentId, services: ServicesDep) -> JSONResponse:
    """Summarise what was said in the default thread before the last message."""
    await services.conversations.get(agent_id)
    return answer(compacted_json(await services.compactor.compact_now(agent_id)))


async def _whole(services: Services, run: Run) -> JSONResponse:
    if run.error is not None:
        raise TurnFailed(run.error)
    page = Page(limit=1000, ascending=True, after_is_newer=True)
    parts = messages_json(await services.runs.messages(run.id, page), run.request.message_types)
    spoken = [part for part in parts if part["message_type"] not in _INPUT]
    return answer(
        {
            "messages": spoken,
            "stop_reason": {"message_type": "stop_reason", "stop_reason": run.stop_reason},
            "usage": usage_json(run.usage, run.id),
        }
    )


_INPUT = ("user_message", "system_message")


class TurnFailed(EmbeddedError):
    """A turn that was waited for ended in an error of the model."""

    def __init__(self, error: Json) -> None:
        super().__init__(str(error["message"]))
        self.status = _STATUS_OF_ERROR.get(error["error_type"], 500)
        self._error = error

    @property
    def body(self) -> dict[str, object]:
        """Shaped as Letta's: type, message, detail."""
        error = self._error
        return {
            "error": {
                "type": error["error_type"],
                "message": error["message"],
                "detail": error["detail"],
            }
        }
