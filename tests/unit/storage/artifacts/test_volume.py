"""A volume: committed before it is acknowledged, and reloaded before it is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.errors import StoreUnavailable
from storage.artifacts.volume import VolumeArtifacts


class Disk:
    """Writes down what was asked of it; a commit fails when a test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False

    def commit(self) -> None:
        self.asked.append("commit")
        if self.fails:
            raise OSError(5, "the volume failed")

    def reload(self) -> None:
        self.asked.append("reload")


async def test_a_change_is_committed_before_it_is_acknowledged(tmp_path: Path) -> None:
    disk = Disk()
    store = VolumeArtifacts(disk, tmp_path, SystemClock())

    await store.save("ada/a.txt", b"x")
    assert disk.asked == ["reload", "commit"]
    await store.delete("ada/a.txt")

    assert disk.asked[-1] == "commit"


async def test_what_could_not_be_committed_is_not_acknowledged(tmp_path: Path) -> None:
    disk = Disk()
    disk.fails = True

    with pytest.raises(StoreUnavailable, match="the volume failed"):
        await VolumeArtifacts(disk, tmp_path, SystemClock()).save("ada/a.txt", b"x")


async def test_what_another_process_has_just_saved_is_found(tmp_path: Path) -> None:
    class Shared(Disk):
        def reload(self) -> None:
            super().reload()
            if len(self.asked) > 1:
                (tmp_path / "ada").mkdir(exist_ok=True)
                (tmp_path / "ada" / "a.txt").write_bytes(b"theirs")

    store = VolumeArtifacts(Shared(), tmp_path, SystemClock())

    found = await store.load("ada/a.txt")

    assert found is not None
    assert found.data == b"theirs"


async def test_many_looks_share_a_reload(tmp_path: Path) -> None:
    disk = Disk()
    store = VolumeArtifacts(disk, tmp_path, SystemClock())

    await store.save("ada/a.txt", b"x")
    for _ in range(20):
        await store.load("ada/a.txt")

    assert disk.asked.count("reload") < 20
