from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from letta_client import AsyncLetta

from agents.embedded import EmbeddedOptions, ModelOptions
from agents.embedded.errors import ModelError
from agents.embedded.models.model import CallDelta, ReasoningDelta, TextDelta, UsageCounted
from agents.embedded.models.openai_compatible import OpenAICompatibleModel, request_body
from agents.embedded.records import AssistantSaid, Usage
from agents.embedded.server import serve
from tests.unit.agents.embedded.chat_endpoint import ChatEndpoint, delta, serving, usage
from tests.unit.agents.embedded.contexts import called, client_tool, request, returned


@pytest.fixture
async def endpoint() -> AsyncGenerator[ChatEndpoint]:
    endpoint = ChatEndpoint()
    async with serving(endpoint):
        yield endpoint


@pytest.fixture
async def model(endpoint: ChatEndpoint) -> AsyncGenerator[OpenAICompatibleModel]:
    model = OpenAICompatibleModel(ModelOptions("gpt-test", "key", endpoint.url, 5))
    yield model
    await model.close()


async def test_reasoning_text_and_usage_are_passed_on(
    endpoint: ChatEndpoint, model: OpenAICompatibleModel
) -> None:
    endpoint.answers = [
        [
            delta(reasoning_content="hm"),
            delta(content="Hel"),
            delta(content="lo"),
            usage(7, 2),
        ]
    ]

    events = [event async for event in model.stream(request("hi"))]

    assert events == [
        ReasoningDelta("hm"),
        TextDelta("Hel"),
        TextDelta("lo"),
        UsageCounted(Usage(prompt_tokens=7, completion_tokens=2)),
    ]


async def test_parallel_calls_keep_their_indexes(
    endpoint: ChatEndpoint, model: OpenAICompatibleModel
) -> None:
    def call(index: int, arguments: str, **first: str) -> dict[str, object]:
        function = {"arguments": arguments, **({"name": first["name"]} if first else {})}
        return {"index": index, "id": first.get("id"), "type": "function", "function": function}

    endpoint.answers = [
        [
            delta(tool_calls=[call(0, "", id="a", name="one")]),
            delta(tool_calls=[call(1, "{}", id="b", name="two")]),
            delta(tool_calls=[call(0, '{"x":1}')]),
        ]
    ]

    events = [event async for event in model.stream(request("hi"))]

    assert events == [
        CallDelta(0, "", "a", "one"),
        CallDelta(1, "{}", "b", "two"),
        CallDelta(0, '{"x":1}'),
    ]


async def test_the_whole_context_is_sent(
    endpoint: ChatEndpoint, model: OpenAICompatibleModel
) -> None:
    endpoint.answers = [[delta(content="ok")]]
    asked = request("hi", called("w", '{"a":1}'), returned("w", "sunny"), tools=[client_tool("w")])

    _ = [event async for event in model.stream(asked)]

    (body,) = endpoint.requests
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert body["messages"][2]["tool_calls"][0]["function"] == {"name": "w", "arguments": '{"a":1}'}
    assert body["messages"][3]["tool_call_id"] == "call_1"
    assert "w" in [tool["function"]["name"] for tool in body["tools"]]
    assert (body["stream"], body["model"]) == (True, "m")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "llm_bad_request"),
        (401, "llm_authentication"),
        (404, "unknown_model"),
        (429, "llm_rate_limit"),
        (500, "llm_error"),
    ],
)
async def test_an_endpoints_error_has_lettas_name(
    endpoint: ChatEndpoint, model: OpenAICompatibleModel, status: int, kind: str
) -> None:
    endpoint.answers = [status]

    with pytest.raises(ModelError) as caught:
        _ = [event async for event in model.stream(request("hi"))]

    assert caught.value.kind == kind


async def test_an_empty_answer_is_an_error(
    endpoint: ChatEndpoint, model: OpenAICompatibleModel
) -> None:
    endpoint.answers = [[delta(), usage(1, 0)]]

    with pytest.raises(ModelError) as caught:
        _ = [event async for event in model.stream(request("hi"))]

    assert caught.value.kind == "llm_empty_response"


async def test_an_unreachable_endpoint_is_an_error(tmp_path: Path) -> None:
    model = OpenAICompatibleModel(ModelOptions("m", "key", "http://127.0.0.1:9/v1", 0.2))

    with pytest.raises(ModelError):
        _ = [event async for event in model.stream(request("hi"))]
    await model.close()


async def test_a_turn_thinks_with_the_endpoint(endpoint: ChatEndpoint, tmp_path: Path) -> None:
    options = EmbeddedOptions(
        tmp_path / "letta.db", model=ModelOptions("gpt-test", "key", endpoint.url)
    )
    endpoint.answers = [[delta(content="Hello "), delta(content="Ada"), usage(9, 2)]]

    async with serve(options) as url, AsyncLetta(base_url=url, api_key="x", max_retries=0) as letta:
        agent = await letta.agents.create(name="a", model="openai/gpt-other", system="Be kind.")
        response = await letta.agents.messages.create(agent.id, input="hi")

    assert response.messages[-1].to_dict()["content"] == "Hello Ada"
    assert response.usage.total_tokens == 11
    assert endpoint.requests[0]["model"] == "gpt-other"
    assert endpoint.requests[0]["messages"][0]["content"].startswith("Be kind.")


def test_a_reply_with_text_and_calls_is_one_assistant_message() -> None:
    both = AssistantSaid("text", calls=called("w").calls)

    body = request_body(request("hi", both))

    assert body["messages"][2]["content"] == "text"
    assert len(body["messages"][2]["tool_calls"]) == 1
