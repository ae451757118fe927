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

CAT = Attachment("cat.png", "image/png", 11, "ada/cat.png")
PNG = b"\x89PNG\r\n\x1a\ncat"


@pytest.fixture
async def artifacts() -> MemoryArtifacts:
    artifacts = MemoryArtifacts(LoopClock())
    await artifacts.save(CAT.artifact, PNG)
    await artifacts.save("ada/no.png", b"<svg>")
    return artifacts


def message(*files: Attachment) -> InboundMessage:
    sender = Sender(Identity("discord", "discord", "42"), "Ada")
    place = Conversation("discord", "dm", "99")
    return InboundMessage("e1", place, sender, "look", EPOCH, attachments=files)


async def test_a_picture_is_seen(artifacts: MemoryArtifacts) -> None:
    assert await Images(artifacts).of([message(CAT)]) == [(Image("image/png", PNG),)]


@pytest.mark.parametrize(
    "file",
    [
        replace(CAT, media_type="application/pdf"),
        replace(CAT, artifact="ada/no.png"),
        replace(CAT, size_bytes=LARGEST_BYTES + 1),
        replace(CAT, artifact="ada/gone.png"),
    ],
    ids=["no picture", "only called so", "too large", "gone"],
)
async def test_what_is_no_picture_that_can_be_read_is_left_out(
    artifacts: MemoryArtifacts, file: Attachment
) -> None:
    assert await Images(artifacts).of([message(file)]) == [()]


async def test_of_many_pictures_the_first_are_seen(artifacts: MemoryArtifacts) -> None:
    first, second = await Images(artifacts).of([message(*[CAT] * (MOST - 1)), message(CAT, CAT)])

    assert (len(first), len(second)) == (MOST - 1, 1)


async def test_all_pictures_of_a_turn_have_a_limit_together(artifacts: MemoryArtifacts) -> None:
    large = replace(CAT, size_bytes=LARGEST_BYTES)

    seen = await Images(artifacts).of([message(large), message(large), message(large)])

    assert [len(each) for each in seen] == [1, 1, 0]


async def test_a_picture_is_told_by_how_it_begins(artifacts: MemoryArtifacts) -> None:
    wrong = replace(CAT, media_type="image/jpeg")

    assert await Images(artifacts).of([message(wrong)]) == [(Image("image/png", PNG),)]
