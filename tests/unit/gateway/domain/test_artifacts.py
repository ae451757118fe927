"""Where files that come with messages are kept."""

from __future__ import annotations

import pytest

from gateway.domain.artifacts import attachment_key
from gateway.domain.people import Identity, person_id_of
from storage.artifacts import MemoryArtifacts
from tests.fakes.virtual_time import LoopClock

ADA = Identity("discord", "discord", "42")


def test_a_file_is_kept_below_its_person_and_message() -> None:
    key = attachment_key(ADA, "1712.0001", 3, "cat.png")

    assert key == f"{person_id_of(ADA)}/discord/1712-0001/3-cat.png"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b\\c", "", "...", "\n", "x" * 5_000, "\u202egnp.exe", "ä" * 300]
)
async def test_whatever_a_file_is_called_it_can_be_kept(name: str) -> None:
    key = attachment_key(ADA, "5", 0, name)

    saved = await MemoryArtifacts(LoopClock()).save(key, b"data")

    assert saved.key == key
    assert key.count("/") == 3
