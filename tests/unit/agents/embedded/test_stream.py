import asyncio
import json
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from agents.embedded.rest.streams import EventStream
from agents.embedded.steps.stream import (
    DONE,
    GENERATION_SPAN,
    RunStream,
    encode,
    pack,
    unpack,
)


def _payloads(data: bytes) -> list[dict[str, Any]]:
    pieces = data.removesuffix(DONE).split(b"\n\n")[:-1]
    return [json.loads(piece.split(b"data: ", 1)[1]) for piece in pieces]


async def _read(stream: RunStream, starting_after: int = 0) -> bytes:
    return b"".join([data async for data in stream.read(starting_after, 5) if data])


def test_what_is_packed_comes_out_unchanged() -> None:
    events = [encode(7, {"text": "a\n\nb"}), encode(8, {"e": 1}, is_error=True), encode(9, {})]

    assert unpack(pack(events)) == events


async def test_readers_hear_what_was_and_what_comes() -> None:
    stream = RunStream("run-1", (), 0)
    stream.say({"n": 1})
    early, late = (asyncio.create_task(_read(stream, after)) for after in (0, 1))
    await asyncio.sleep(0)
    stream.say({"n": 2})
    stream.close(finished=True)

    assert [item["n"] for item in _payloads(await early)] == [1, 2]
    assert [item["n"] for item in _payloads(await late)] == [2]


async def test_only_a_finished_stream_says_done() -> None:
    finished, cut = RunStream("run-1", (), 0), RunStream("run-2", (), 0)
    finished.close(finished=True)
    cut.close(finished=False)

    assert await _read(finished) == DONE
    assert await _read(cut) == b""


async def test_the_answer_ends_with_its_last_piece() -> None:
    stream, sent = RunStream("run-1", (), 0), list[dict[str, Any]]()
    stream.say({"n": 1})

    async def pieces() -> AsyncIterator[tuple[bytes, bool]]:
        async for data in stream.read(0, 5):
            yield data or b"", stream.is_closed
            stream.close(finished=True)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("nobody is watched")

    await EventStream(pieces())({}, receive, send)

    assert [item.get("more_body") for item in sent] == [None, True, False]
    assert sent[-1]["body"] == DONE


async def test_a_silence_is_told() -> None:
    stream = RunStream("run-1", (), 0)

    assert await anext(aiter(stream.read(0, 0.001))) is None


def test_drafts_are_numbered_and_not_shown() -> None:
    stream = RunStream("run-1", (), 0)
    stream.say({})

    drafts = stream.draft([{}, {}], error={})

    assert [event.seq for event in drafts] == [2, 3, 4]
    assert len(stream.unsaved()) == 1


def test_a_new_life_numbers_beyond_everything_the_last_one_can_have_shown() -> None:
    stream = RunStream("run-1", [encode(1, {}), encode(2, {})], 3)

    (event,) = stream.draft([{}])

    assert event.seq == 3 * GENERATION_SPAN + 1
