"""Pictures over HTTP, from a server that refuses what the real one refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator

import pytest

from gateway.errors import BadInput, OutcomeUnknown, PosternError, RateLimited, Refused, RetryLater
from tests.fakes.image_server import (
    FORBIDDEN,
    KEY,
    MODEL,
    OTHER_MODEL,
    ImageServer,
    image_server,
    painting,
)
from toolbox.image_service import ImageService, ImageServiceOptions, Picture, open_image_service

SIZE = "1024x1024"


@pytest.fixture
async def server() -> AsyncGenerator[ImageServer]:
    async with image_server() as server:
        yield server


@pytest.fixture
async def service(server: ImageServer) -> AsyncGenerator[ImageService]:
    options = ImageServiceOptions(server.url, MODEL, KEY, limit_bytes=1_000)
    async with open_image_service(options) as service:
        yield service


@pytest.mark.parametrize("model", [MODEL, OTHER_MODEL])
async def test_every_vendor_is_asked_for_the_picture_itself(
    server: ImageServer, model: str
) -> None:
    async with open_image_service(ImageServiceOptions(server.url, model, KEY)) as service:
        made = await service.make("a red fox", SIZE)

    assert made == Picture("image/png", painting("a red fox"))
    assert [asked["prompt"] for asked in server.painted] == ["a red fox"]


async def test_what_the_service_will_not_paint_is_refused(
    server: ImageServer, service: ImageService
) -> None:
    with pytest.raises(BadInput, match="refuses this description"):
        await service.make(FORBIDDEN, SIZE)

    assert server.painted == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadInput),
        (401, Refused),
        (302, Refused),
        (404, Refused),
        (429, RateLimited),
        (500, RetryLater),
        (503, RetryLater),
    ],
)
async def test_a_failure_tells_what_was_surely_not_made(
    server: ImageServer, service: ImageService, status: int, kind: type[PosternError]
) -> None:
    server.failures = [status]

    with pytest.raises(PosternError) as caught:
        await service.make("a fox", SIZE)

    assert type(caught.value) is kind
    assert "had an error" not in str(caught.value)


async def test_a_service_that_is_not_there_made_nothing() -> None:
    options = ImageServiceOptions("http://127.0.0.1:9/v1", MODEL)
    async with open_image_service(options) as service:
        with pytest.raises(RetryLater, match="can not be reached"):
            await service.make("a fox", SIZE)


async def test_of_a_picture_that_is_cut_off_nobody_knows(
    server: ImageServer, service: ImageService
) -> None:
    server.cuts_off = True

    with pytest.raises(OutcomeUnknown, match="may have been made"):
        await service.make("a fox", SIZE)


def _within(data: bytes) -> bytes:
    return json.dumps({"data": [{"b64_json": base64.b64encode(data).decode()}]}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"<html>",
        b'{"data": []}',
        b'{"data": [{"url": "http://127.0.0.1:9/x.png"}]}',
        b'{"data": [{"b64_json": 7}]}',
        b'{"data": [{"b64_json": "a"}]}',
        b'{"data": [{"b64_json": "\xc3\xa4\xc3\xa4"}]}',
        _within(b""),
        _within(b"<svg onload='alert(1)'>"),
        _within(b"MZ\x90"),
    ],
)
async def test_what_is_no_picture_is_not_taken(
    server: ImageServer, service: ImageService, answer: bytes
) -> None:
    server.answer = answer

    with pytest.raises(OutcomeUnknown, match="something that is no picture"):
        await service.make("a fox", SIZE)


@pytest.mark.parametrize("size", [1_001, 1_000_000])
async def test_a_picture_that_is_too_large_is_not_taken(
    server: ImageServer, service: ImageService, size: int
) -> None:
    server.answer = _within(painting("x" * size)[:size])

    with pytest.raises(OutcomeUnknown, match="more than the 1,000 bytes"):
        await service.make("a fox", SIZE)


def test_its_key_is_shown_to_nobody() -> None:
    assert KEY not in repr(ImageServiceOptions("http://127.0.0.1", MODEL, KEY))
