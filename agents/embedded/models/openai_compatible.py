"""Any OpenAI-compatible endpoint, streamed. The only home of the openai SDK."""

from collections.abc import AsyncGenerator
from typing import Any, Final, assert_never, cast

import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk
from openai.types.completion_usage import CompletionUsage

from agents.embedded.errors import ModelError
from agents.embedded.models.failures import failure_of_status
from agents.embedded.models.model import (
    CallDelta,
    ModelEvent,
    ModelRequest,
    OfferedTool,
    ReasoningDelta,
    TextDelta,
    UsageCounted,
)
from agents.embedded.options import ModelOptions
from agents.embedded.records import (
    AssistantSaid,
    Content,
    Json,
    Message,
    SystemSaid,
    ToolCall,
    ToolsReturned,
    Usage,
    UserSaid,
)
from agents.embedded.store.codec import dump

_RETRIES: Final = 2
"""By the SDK, before the first byte: a retry never repeats what was already shown."""
_SUMMARY: Final = (
    "[Earlier messages of this conversation are out of sight. This is their summary, written by "
    "the system; conversation_search finds the messages themselves.]\n\n{}"
)
_PASSED_ON: Final = ("temperature", "parallel_tool_calls", "top_p", "reasoning_effort")


class OpenAICompatibleModel:
    """Chat completions over HTTP; errors become ModelError with Letta's error type."""

    def __init__(self, options: ModelOptions) -> None:
        self._client = AsyncOpenAI(
            api_key=options.api_key or "unused",
            base_url=options.base_url,
            timeout=options.timeout_seconds,
            max_retries=_RETRIES,
        )

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Ask the endpoint and pass on what it streams; an empty answer is an error."""
        spoke = False
        try:
            # The SDK's overloads cannot see through keyword arguments made elsewhere.
            chunks = cast(
                "AsyncStream[ChatCompletionChunk]",
                await self._client.chat.completions.create(**request_body(request)),
            )
            async with chunks:
                async for chunk in chunks:
                    for event in _events_in(chunk):
                        spoke = spoke or not isinstance(event, UsageCounted)
                        yield event
        except openai.APIStatusError as error:
            raise failure_of_status(error.status_code, str(error)) from error
        except openai.APITimeoutError as error:
            raise failure_of_status(408, str(error)) from error
        except openai.APIError as error:
            raise ModelError("llm_error", "The model's stream broke.", str(error)) from error
        if not spoke:
            raise ModelError("llm_empty_response", "LLM returned an empty response.", "no output")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def request_body(request: ModelRequest) -> dict[str, Any]:
    """The arguments of the SDK's `create`: Any, since they are checked by the endpoint."""
    messages: list[Json] = [{"role": "system", "content": request.system}]
    if request.summary:
        messages.append({"role": "user", "content": _SUMMARY.format(request.summary)})
    for message in request.messages:
        messages += _message_json(message)
    body: dict[str, Any] = {
        "model": request.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [_tool_json(tool) for tool in request.tools]
    settings = {key: request.settings.get(key) for key in _PASSED_ON}
    if not request.tools:
        settings.pop("parallel_tool_calls")
    if request.settings.get("max_output_tokens"):
        body["max_completion_tokens"] = request.settings["max_output_tokens"]
    return body | {key: value for key, value in settings.items() if value is not None}


def _events_in(chunk: ChatCompletionChunk) -> list[ModelEvent]:
    """The events of a chunk, which the SDK has built without looking at what is in it."""
    try:
        return read_chunk(chunk)
    except (TypeError, AttributeError) as error:
        raise ModelError("llm_error", "The model's answer makes no sense.", str(error)) from error


def read_chunk(chunk: ChatCompletionChunk) -> list[ModelEvent]:
    """The events in one chunk of the stream."""
    events: list[ModelEvent] = []
    for choice in (chunk.choices or [])[:1]:
        delta = choice.delta
        extra = delta.model_extra or {}
        thought = extra.get("reasoning_content") or extra.get("reasoning")
        if isinstance(thought, str) and thought:
            events.append(ReasoningDelta(thought))
        if delta.content:
            events.append(TextDelta(_text(delta.content)))
        for call in delta.tool_calls or []:
            function = call.function
            name = function.name if function else None
            arguments = (function.arguments if function else None) or ""
            events.append(CallDelta(call.index, _text(arguments), call.id, name))
    if chunk.usage is not None:
        events.append(UsageCounted(_usage(chunk.usage)))
    return events


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"a text was expected, and {type(value).__name__} came")


def _usage(usage: CompletionUsage) -> Usage:
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=(prompt.cached_tokens if prompt else None) or 0,
        reasoning_tokens=(completion.reasoning_tokens if completion else None) or 0,
    )


def _message_json(message: Message) -> list[Json]:
    body = message.body
    match body:
        case UserSaid(content):
            return [{"role": "user", "content": _content_json(content)}]
        case SystemSaid(content):
            return [{"role": "system", "content": _content_json(content)}]
        case AssistantSaid():
            said: Json = {"role": "assistant", "content": body.text or None}
            if body.calls:
                said["tool_calls"] = [_call_json(call) for call in body.calls]
            return [said]
        case ToolsReturned(returns):
            return [
                {
                    "role": "tool",
                    "tool_call_id": item.tool_call_id,
                    "content": dump(
                        {
                            "status": "OK" if item.status == "success" else "Failed",
                            "message": item.text,
                        }
                    ),
                }
                for item in returns
            ]
        case _:
            assert_never(body)


def _content_json(content: Content) -> str | list[Json]:
    if isinstance(content, str):
        return content
    return [_part_json(part) for part in content]


def _part_json(part: Json) -> Json:
    if part.get("type") != "image":
        return {"type": "text", "text": str(part.get("text", ""))}
    source: Json = part.get("source", {})
    url = source.get("url") or f"data:{source.get('media_type')};base64,{source.get('data')}"
    return {"type": "image_url", "image_url": {"url": url}}


def _call_json(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _tool_json(tool: OfferedTool) -> Json:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}
