"""Small model requests and histories for the tests of models and of the step loop."""

from collections.abc import Sequence
from datetime import UTC, datetime

from agents.embedded.ids import new_id
from agents.embedded.models.model import Model, ModelRequest, OfferedTool, TextDelta
from agents.embedded.records import (
    AssistantSaid,
    Block,
    Body,
    Json,
    Message,
    Run,
    ToolCall,
    ToolReturn,
    ToolsReturned,
    TurnRequest,
    UserSaid,
)
from agents.embedded.steps.core_tools import CORE_TOOLS, schema_of

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def message(body: Body) -> Message:
    """A stored message with this body."""
    return Message(new_id("message"), "conv", "agent", body, NOON.isoformat())


def called(name: str, arguments: str = "{}") -> AssistantSaid:
    """A reply that calls one tool."""
    return AssistantSaid(calls=(ToolCall("call_1", name, arguments),))


def returned(name: str, text: str, *, ok: bool = True) -> ToolsReturned:
    """The answer to that call."""
    return ToolsReturned((ToolReturn("call_1", name, "success" if ok else "error", text),))


def request(
    *said: str | Body, human: str | None = "", tools: Sequence[OfferedTool] = ()
) -> ModelRequest:
    """A context window; plain texts are the person's."""
    bodies = [UserSaid(item) if isinstance(item, str) else item for item in said]
    memory = [
        OfferedTool(name, "", schema_of(CORE_TOOLS[name]))
        for name in ("memory_insert", "memory_replace")
    ]
    return ModelRequest(
        model="m",
        system="s",
        messages=tuple(message(body) for body in bodies),
        tools=(*memory, *tools),
        blocks=() if human is None else (Block("block-1", "human", human),),
        settings={},
    )


def client_tool(name: str, properties: Json | None = None) -> OfferedTool:
    """A tool of the client."""
    schema: Json = {"type": "object", "properties": properties or {}}
    return OfferedTool(name, "", schema, by_client=True)


def run(max_steps: int = 50) -> Run:
    """A run that has just begun."""
    request = TurnRequest(max_steps=max_steps)
    return Run(new_id("run"), "agent", "conv", "running", request, NOON.isoformat())


async def spoken(model: Model, asked: ModelRequest) -> str:
    """Everything the model says."""
    events = [event async for event in model.stream(asked)]
    return "".join(event.text for event in events if isinstance(event, TextDelta))
