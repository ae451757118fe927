"""Which pictures an agent sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.artifacts import Attachment
from gateway.domain.conversations import Conversation
from gateway.domain.messages import InboundMessage
from gateway.domain.people import Identity, Sender
from gateway.domain.turns import Image
from gateway.images import LARGEST_BYTES, MOST, Images
from storage.artifacts import MemoryArtifacts
from tests.fakes.virtual_time import EPOCH, LoopClock

CAT = Attachment("cat.png", "image/png", 3, "ada/cat.png")


@pytest.fixture
async def artifacts() -> MemoryArtifacts:
    artifacts = MemoryArtifacts(LoopClock())
    await artifacts.save(CAT.artifact, b"cat")
    return artifacts


def message(*files: Attachment) -> InboundMessage:
    sender = Sender(Identity("discord", "discord", "42"), "Ada")
    place = Conversation("discord", "dm", "99")
    return InboundMessage("e1", place, sender, "look", EPOCH, attachments=files)


async def test_a_picture_is_seen(artifacts: MemoryArtifacts) -> None:
    assert await Images(artifacts).of(message(CAT)) == (Image("image/png", b"cat"),)


@pytest.mark.parametrize(
    "file",
    [
        replace(CAT, media_type="application/pdf"),
        replace(CAT, media_type="image/svg+xml"),
        replace(CAT, size_bytes=LARGEST_BYTES + 1),
        replace(CAT, artifact="ada/gone.png"),
    ],
    ids=["no picture", "a program", "too large", "gone"],
)
async def test_what_is_no_picture_that_can_be_read_is_left_out(
    artifacts: MemoryArtifacts, file: Attachment
) -> None:
    assert await Images(artifacts).of(message(file)) == ()


async def test_of_many_pictures_the_first_are_seen(artifacts: MemoryArtifacts) -> None:
    assert len(await Images(artifacts).of(message(*[CAT] * 25))) == MOST
