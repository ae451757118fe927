"""Speech to text over HTTP, against a server that refuses what the real one refuses."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from agents.openai_transcriber import OpenAITranscriber, TranscriberOptions, open_transcriber
from gateway.errors import PosternError, RateLimited, Refused, RetryLater
from tests.fakes.transcription_server import (
    KEY,
    MODEL,
    TranscriptionServer,
    recording,
    transcription_server,
)


@pytest.fixture
async def server() -> AsyncGenerator[TranscriptionServer]:
    async with transcription_server() as server:
        yield server


@pytest.fixture
async def ears(server: TranscriptionServer) -> AsyncGenerator[OpenAITranscriber]:
    options = TranscriberOptions(server.url, MODEL, KEY, answer_bytes=1_000)
    async with open_transcriber(options) as ears:
        yield ears


@pytest.mark.parametrize("kind", ["ogg", "m4a", "mp3", "wav", "webm", "flac"])
async def test_every_kind_is_named_as_the_service_knows_it(
    ears: OpenAITranscriber, kind: str
) -> None:
    assert await ears.transcribe(recording("buy milk", kind)) == "buy milk"


async def test_where_nobody_speaks_there_are_no_words(ears: OpenAITranscriber) -> None:
    assert await ears.transcribe(recording("")) == ""


@pytest.mark.parametrize("data", [b"", b"MZ\x90", b"#!AMR\n", b"\xff\xd8\xff"])
async def test_what_is_no_recording_is_sent_nowhere(
    server: TranscriptionServer, ears: OpenAITranscriber, data: bytes
) -> None:
    with pytest.raises(Refused, match="no recording of a known kind"):
        await ears.transcribe(data)

    assert server.asked == []


async def test_one_that_is_too_large_for_the_service_is_refused(
    server: TranscriptionServer, ears: OpenAITranscriber
) -> None:
    server.largest_bytes = 10

    with pytest.raises(Refused, match="too large for the service that listens"):
        await ears.transcribe(recording("a long story"))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (404, Refused),
        (301, Refused),
        (415, Refused),
        (429, RateLimited),
        (500, RetryLater),
        (503, RetryLater),
    ],
)
async def test_a_failure_tells_whether_it_may_pass(
    server: TranscriptionServer, ears: OpenAITranscriber, status: int, kind: type[PosternError]
) -> None:
    server.failures = [status]

    with pytest.raises(PosternError) as caught:
        await ears.transcribe(recording("hello"))

    assert type(caught.value) is kind
    assert "had an error" not in str(caught.value)


async def test_a_wrong_key_is_the_gateways_fault(server: TranscriptionServer) -> None:
    async with open_transcriber(TranscriberOptions(server.url, MODEL, "wrong")) as ears:
        with pytest.raises(Refused, match="does not take the gateway's key"):
            await ears.transcribe(recording("hello"))


async def test_without_a_key_none_is_sent(server: TranscriptionServer) -> None:
    async with open_transcriber(TranscriberOptions(server.url, MODEL)) as ears:
        with pytest.raises(Refused, match="does not take the gateway's key"):
            await ears.transcribe(recording("hello"))


async def test_a_service_that_is_not_there_may_be_there_later() -> None:
    async with open_transcriber(TranscriberOptions("http://127.0.0.1:9/v1", MODEL)) as ears:
        with pytest.raises(RetryLater, match="can not be reached"):
            await ears.transcribe(recording("hello"))


@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b"[]", b'"words"', b"{}", b'{"text": 7}', b'{"text": null}', b"<html>", b"{"],
)
async def test_an_answer_without_words_is_none(
    server: TranscriptionServer, ears: OpenAITranscriber, answer: bytes
) -> None:
    server.answer = answer

    with pytest.raises(Refused, match="something else than words"):
        await ears.transcribe(recording("hello"))


async def test_an_endless_answer_is_not_read_to_its_end(
    server: TranscriptionServer, ears: OpenAITranscriber
) -> None:
    server.answer = b'{"text": "' + b"a" * 1_000 + b'"}'

    with pytest.raises(Refused, match="without an end"):
        await ears.transcribe(recording("hello"))


async def test_words_can_be_stored_whatever_is_in_them(
    server: TranscriptionServer, ears: OpenAITranscriber
) -> None:
    server.answer = rb'{"text": " a\u0000b ", "languages": []}'

    assert await ears.transcribe(recording("hello")) == "a�b"


def test_its_key_is_shown_to_nobody() -> None:
    assert KEY not in repr(TranscriberOptions("http://127.0.0.1", MODEL, KEY))
