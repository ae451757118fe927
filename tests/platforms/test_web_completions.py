"""OpenAI's own client talks with an agent, by a token of its person."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import httpx
import openai
import pytest
import pytest_asyncio
from openai.types.chat import ChatCompletionUserMessageParam

from adapters.web.guard import WebOptions
from gateway.domain.messages import HistoryEntry, InboundMessage
from gateway.domain.people import Identity, Standing
from gateway.errors import StoreUnavailable
from storage.memory import MemoryStore
from storage.memory.history import MemoryHistory
from tests.fakes.patience import PATIENCE_SECONDS
from tests.platforms.test_web_tokens import offered
from tests.platforms.web_hub import ADMIN_TOKEN, Served, WebHub, WebServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADA = Identity("web", "local", "ada")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server() -> AsyncGenerator[WebServer]:
    """Start one server for all tests of this file: each serves its own hub with it."""
    async with WebServer().running() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def door(server: WebServer) -> AsyncGenerator[Served]:
    """Serve a web door of its own."""
    async with server.serving(WebHub()) as door:
        yield door


@contextlib.asynccontextmanager
async def client_of(door: Served, account: Identity = ADA) -> AsyncGenerator[openai.AsyncOpenAI]:
    """Be OpenAI's client with a token of this account."""
    async with httpx.AsyncClient(base_url=door.url) as http:
        made = await http.post("/tokens", json={"code": await offered(door.hub, account)})
    key = made.json()["token"]
    async with openai.AsyncOpenAI(
        base_url=f"{door.url}/v1", api_key=key, timeout=PATIENCE_SECONDS
    ) as client:
        yield client


def said(text: str) -> ChatCompletionUserMessageParam:
    return {"role": "user", "content": text}


async def _told(client: openai.AsyncOpenAI, text: str) -> list[str]:
    """Ask with a stream; returns its pieces."""
    stream = await client.chat.completions.create(
        model="postern", messages=[said(text)], stream=True
    )
    return [chunk.choices[0].delta.content or "" async for chunk in stream]


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_program_of_somebody_unlisted_is_told_that_nobody_hears(
    door: Served, is_streamed: bool
) -> None:
    door.hub.standing = Standing.UNLISTED
    async with client_of(door) as client:
        with pytest.raises(openai.PermissionDeniedError, match="is not heard"):
            await client.chat.completions.create(
                model="postern", messages=[said("hi")], stream=is_streamed
            )


async def test_a_completion_is_a_turn_of_the_persons_agent(door: Served) -> None:
    async with client_of(door) as client, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(
            client.chat.completions.create(
                model="muse",
                messages=[said("before"), {"role": "assistant", "content": "x"}, said("now")],
                user="mallory",
            )
        )
        await door.hub.answer_next("one", "two")

    (message,) = door.hub.accepted
    assert (message.text, message.role) == ("now", "muse")
    assert message.sender.identity == ADA
    assert message.conversation.id == "web:muse:ada"
    completion = asked.result()
    assert completion.model == "muse"
    assert completion.choices[0].message.content == "one\n\ntwo"
    assert completion.choices[0].finish_reason == "stop"


async def test_a_stream_grows_as_the_draft_does(door: Served) -> None:
    async with client_of(door) as client, asyncio.TaskGroup() as tasks:
        stream = await client.chat.completions.create(
            model="postern", messages=[said("hi")], stream=True
        )
        reading = stream.__aiter__()
        first = await anext(reading)
        turn = await door.hub.next_turn()
        tasks.create_task(door.hub.stream(turn, "Hello"))
        second = await anext(reading)
        await door.hub.finish(turn, "Hello, Ada.")
        rest = [chunk async for chunk in reading]

    assert first.choices[0].delta.role == "assistant"
    assert second.choices[0].delta.content == "Hello"
    assert [chunk.choices[0].delta.content for chunk in rest] == [", Ada.", None]
    assert rest[-1].choices[0].finish_reason == "stop"


async def test_a_stream_tells_nothing_of_an_earlier_turn(door: Served) -> None:
    async with client_of(door) as client, asyncio.TaskGroup() as tasks:
        stream = await client.chat.completions.create(
            model="postern", messages=[said("one")], stream=True
        )
        first = stream.__aiter__()
        await anext(first)
        running = await door.hub.next_turn()
        second = tasks.create_task(_told(client, "two"))
        await door.hub.has_accepted(2)
        for count in range(1, 6):  # both streams look at each; only one may tell it
            await door.hub.stream(running, "more " * count)
            await anext(first)
        await door.hub.finish(running, "more " * 5)
        await door.hub.answer_next("to two")

    assert "".join(second.result()) == "to two"


async def test_a_header_names_the_conversation_and_nothing_else_does(door: Served) -> None:
    async with client_of(door) as client, asyncio.TaskGroup() as tasks:
        for headers, user in (
            ({"X-Postern-Conversation": "trip.2026"}, "a"),
            ({}, "b"),
            ({}, "c"),
        ):
            tasks.create_task(
                client.chat.completions.create(
                    model="postern", messages=[said("hi")], user=user, extra_headers=headers
                )
            )
        await door.hub.has_accepted(3)
        while (await door.hub.store.history.counts()).messages_waiting:
            await door.hub.answer_next("hello")

    places = sorted(message.conversation.id for message in door.hub.accepted)
    assert places == ["web:postern:ada", "web:postern:ada", "web:postern:ada:trip.2026"]


async def test_the_same_key_is_the_same_message(door: Served) -> None:
    async with client_of(door) as client:
        answers: list[str | None] = []
        for _ in range(2):
            async with asyncio.TaskGroup() as tasks:
                asked = tasks.create_task(
                    client.chat.completions.create(
                        model="postern",
                        messages=[said("hi")],
                        extra_headers={"Idempotency-Key": "k1"},
                    )
                )
                if not answers:
                    await door.hub.answer_next("once")
            answers.append(asked.result().choices[0].message.content)

    assert answers == ["once", "once"]
    assert len(door.hub.accepted) == 1


async def test_models_are_the_agents_that_one_may_use(server: WebServer) -> None:
    hub = WebHub(access={"muse": frozenset({"web:local:bob"})})
    async with server.serving(hub) as door, client_of(door) as client:
        models = [model.id async for model in client.models.list()]

    assert models == ["postern"]


async def test_without_a_token_there_is_nothing(door: Served) -> None:
    wrong = openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key="sk-wrong")
    async with wrong as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.chat.completions.create(model="postern", messages=[said("hi")])
    async with httpx.AsyncClient(base_url=door.url) as browser:
        await browser.get("/")
        by_cookie = await browser.post("/v1/chat/completions", json={})
        models = await browser.get("/v1/models")

    assert "not known here" in refused.value.message
    assert (by_cookie.status_code, models.status_code) == (401, 401)
    assert door.hub.accepted == []


async def test_the_admin_token_speaks_for_the_operator(door: Served) -> None:
    known = openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key=ADMIN_TOKEN)
    async with known as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(
            client.chat.completions.create(model="postern", messages=[said("hi")], user="ada")
        )
        await door.hub.answer_next("hello")

    assert door.hub.accepted[0].sender.identity.user == "operator"


@pytest.mark.parametrize(
    ("model", "conversation", "why"),
    [
        ("nobody", "x", 'There is no agent "nobody" here.'),
        ("postern", "a b", "A conversation is named by"),
        ("postern", "a:b", "A conversation is named by"),
        ("postern", "x" * 65, "A conversation is named by"),
    ],
)
async def test_a_wrong_request_is_said_as_its_clients_read_it(
    door: Served, model: str, conversation: str, why: str
) -> None:
    async with client_of(door) as client:
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(
                model=model,
                messages=[said("hi")],
                extra_headers={"X-Postern-Conversation": conversation},
            )

    assert why in refused.value.message
    assert door.hub.accepted == []


async def test_an_answer_that_takes_too_long_is_not_asked_for_twice(server: WebServer) -> None:
    options = WebOptions(admin_token=ADMIN_TOKEN, completion_seconds=0)
    async with server.serving(WebHub(), options) as door, client_of(door) as client:
        with pytest.raises(openai.InternalServerError) as late:
            await client.chat.completions.create(model="postern", messages=[said("hi")])
        with pytest.raises(openai.APIError) as late_stream:
            await _told(client, "hi")

    assert "The message is stored" in late.value.message
    assert "The message is stored" in late_stream.value.message
    assert len(door.hub.accepted) == 2


async def test_its_clients_are_told_before_they_give_up_and_say_it_again() -> None:
    patience = openai.DEFAULT_TIMEOUT.read

    assert patience is not None
    assert WebOptions().completion_seconds < patience - 30


class _Away(MemoryHistory):
    """History that can not be read now and then."""

    times = 0

    async def answer(self, message: InboundMessage) -> list[HistoryEntry] | None:
        """Raise StoreUnavailable, as often as was asked."""
        if self.times:
            self.times -= 1
            raise StoreUnavailable("The database is away.")
        return await super().answer(message)


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_database_that_is_away_meanwhile_doubles_nothing(
    server: WebServer, is_streamed: bool
) -> None:
    """OpenAI's client repeats what is refused, and the message is stored by then."""
    store = MemoryStore()
    store.history = history = _Away(vars(store.history)["_tables"])
    async with server.serving(WebHub(store)) as door, client_of(door) as client:
        history.times = 1
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(_told(client, "hi") if is_streamed else _whole(client, "hi"))
            await door.hub.answer_next("hello")
        count = len(door.hub.accepted)

    assert "".join(asked.result()) == "hello"
    assert (count, history.times) == (1, 0)


async def _whole(client: openai.AsyncOpenAI, text: str) -> list[str]:
    """Ask without a stream; returns the answer."""
    completion = await client.chat.completions.create(model="postern", messages=[said(text)])
    return [completion.choices[0].message.content or ""]


async def test_a_key_is_of_one_conversation(door: Served) -> None:
    """Two programs of one person, each with keys of its own, never meet."""
    async with client_of(door) as client, asyncio.TaskGroup() as tasks:
        for name in ("trip", "work", None):
            headers = {"Idempotency-Key": "1"}
            headers |= {} if name is None else {"X-Postern-Conversation": name}
            tasks.create_task(
                client.chat.completions.create(
                    model="postern", messages=[said(f"to {name}")], extra_headers=headers
                )
            )
        await door.hub.has_accepted(3)
        for _ in range(3):
            await door.hub.answer_next("hello")

    assert sorted(message.text for message in door.hub.accepted) == [
        "to None",
        "to trip",
        "to work",
    ]


async def test_a_named_conversation_can_be_read(door: Served) -> None:
    async with client_of(door) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(
            client.chat.completions.create(
                model="postern",
                messages=[said("hi")],
                extra_headers={"X-Postern-Conversation": "trip"},
            )
        )
        await door.hub.answer_next("hello")
        headers = {"Authorization": f"Bearer {client.api_key}"}
        async with httpx.AsyncClient(base_url=door.url, headers=headers) as program:
            main = await program.get("/history/postern")
            named = await program.get("/history/postern?conversation=trip")

    assert main.json()["messages"] == []
    assert [message["text"] for message in named.json()["messages"]] == ["hi", "hello"]


async def test_a_stream_that_is_cut_off_says_so(door: Served) -> None:
    async with client_of(door) as client, asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(_cut_off(client))
        await door.hub.has_accepted(1)
        while not door.hub.adapter.pages.count:  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.01)
        door.hub.adapter.pages.close()

    assert "with the same Idempotency-Key" in asked.result()


async def _cut_off(client: openai.AsyncOpenAI) -> str:
    with pytest.raises(openai.APIError) as cut:
        await _told(client, "hi")
    return cut.value.message


async def test_a_stream_shows_that_it_is_there(server: WebServer) -> None:
    options = WebOptions(admin_token=ADMIN_TOKEN, quiet_seconds=0)
    body = {"model": "postern", "messages": [said("hi")], "stream": True}
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        server.serving(WebHub(), options) as door,
        httpx.AsyncClient(base_url=door.url, headers=headers, timeout=PATIENCE_SECONDS) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as stream,
    ):
        lines = stream.aiter_lines()
        async for line in lines:
            if line == ": at work":
                break
        await door.hub.answer_next("hello")
        rest = [line async for line in lines]

    assert stream.headers["cache-control"] == "no-store"
    assert "data: [DONE]" in rest
