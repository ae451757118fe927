"""From checked request bodies to what the services understand. Pure."""

from dataclasses import replace

from agents.embedded.errors import NotFound, Refused
from agents.embedded.models.reading import text_of
from agents.embedded.records import (
    AssistantSaid,
    Body,
    ClientTool,
    Content,
    SystemSaid,
    TurnRequest,
    UserSaid,
)
from agents.embedded.rest.schemas import (
    ApprovalBody,
    MessageBody,
    ReturnItem,
    SaidBody,
    ToolReturnBody,
    TurnBody,
)
from agents.embedded.services.turns import Answer, Answers, Said, TurnInput

_DENIED = "The tool call was denied."


def turn_input(body: TurnBody, conversation_id: str) -> TurnInput:
    """The whole request; Refused when nothing is said or answered in it."""
    given = list(body.messages or [])
    if body.input is not None:
        given.append(SaidBody(role="user", content=body.input))
    if not given:
        raise Refused("A turn needs `messages` or `input`.")
    answers = tuple(
        _answers(item) for item in given if isinstance(item, ToolReturnBody | ApprovalBody)
    )
    said = tuple(_said(item) for item in given if isinstance(item, SaidBody))
    return TurnInput(conversation_id, _request(body), said, answers)


def _request(body: TurnBody) -> TurnRequest:
    tools = tuple(
        ClientTool(tool.name, tool.description or "", tool.parameters or {})
        for tool in body.client_tools or []
    )
    types = body.include_return_message_types
    return TurnRequest(
        client_tools=tools,
        max_steps=body.max_steps,
        stream_tokens=body.stream_tokens,
        include_pings=body.include_pings,
        message_types=None if types is None else tuple(types),
        override_model=_handle(body.override_model),
        override_system=body.override_system,
        background=body.background,
    )


def _handle(override: str | None) -> str | None:
    """Return the handle of another model, if it can be one: which there are, the endpoint knows."""
    if override and "/" not in override:
        raise NotFound(f"NOT_FOUND: Handle {override} not found, it must be PROVIDER/MODEL")
    return override or None


def blocking(turn: TurnInput) -> TurnInput:
    """The same turn when its client waits for the end: no tokens, no pings."""
    return replace(turn, request=replace(turn.request, stream_tokens=False, include_pings=False))


def _said(message: SaidBody) -> Said:
    if not text_of(message.content).strip():
        raise Refused("Message content is empty or invalid")
    return Said(_body(message.role, message.content), message.otid, message.name)


def _body(role: str, content: Content) -> Body:
    if role == "user":
        return UserSaid(content)
    return SystemSaid(content) if role == "system" else AssistantSaid(text_of(content))


def _answers(message: MessageBody) -> Answers:
    if isinstance(message, ToolReturnBody):
        return Answers(tuple(_answer(item) for item in message.tool_returns), message.otid)
    if not isinstance(message, ApprovalBody):
        raise TypeError("a said message answers nothing")
    if message.approvals:
        return Answers(tuple(_answer(item) for item in message.approvals), message.otid)
    if message.approve:
        raise Refused(_NO_RESULT)
    return Answers((Answer(None, "error", _denied(message.reason)),), message.otid)


def _answer(item: ReturnItem) -> Answer:
    if item.tool_return is not None:
        return Answer(
            item.tool_call_id,
            item.status or "success",
            text_of(item.tool_return),
            tuple(item.stdout or ()),
            tuple(item.stderr or ()),
        )
    if item.approve:
        raise Refused(_NO_RESULT)
    return Answer(item.tool_call_id, "error", _denied(item.reason))


def _denied(reason: str | None) -> str:
    return f"{_DENIED} Reason: {reason}" if reason else _DENIED


_NO_RESULT = (
    "Invalid approval response: the client carries these tools out, so an approval needs their "
    "results. Send a `tool_return` message."
)
