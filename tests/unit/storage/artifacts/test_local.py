"""What files on a disk promise beyond the port: links, other writers, crashes, volumes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.errors import BadInput, StoreUnavailable
from storage.artifacts import LocalArtifacts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def store(root: Path) -> LocalArtifacts:
    return LocalArtifacts(root, SystemClock())


async def test_a_document_is_a_plain_file_of_its_name(store: LocalArtifacts, root: Path) -> None:
    await store.save("ada/notes/plan.md", b"# Plan")

    assert (root / "ada" / "notes" / "plan.md").read_bytes() == b"# Plan"


async def test_a_link_to_a_file_outside_is_neither_read_nor_written(
    store: LocalArtifacts, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    (root / "ada").mkdir(parents=True)
    (root / "ada" / "link.txt").symlink_to(outside)

    assert await store.load("ada/link.txt") is None
    assert await store.list("ada") == []
    await store.save("ada/link.txt", b"mine")

    assert outside.read_text() == "secret"
    assert (root / "ada" / "link.txt").read_bytes() == b"mine"


async def test_a_link_to_a_folder_outside_is_not_entered(
    store: LocalArtifacts, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "others"
    outside.mkdir()
    (outside / "x.txt").write_text("secret")
    (root / "ada").mkdir(parents=True)
    (root / "ada" / "others").symlink_to(outside)

    with pytest.raises(BadInput):
        await store.save("ada/others/x.txt", b"mine")

    assert await store.load("ada/others/x.txt") is None
    assert await store.list("ada") == []
    assert not await store.delete("ada/others/x.txt")
    assert (outside / "x.txt").read_text() == "secret"


async def test_what_another_program_wrote_is_the_next_version(
    store: LocalArtifacts, root: Path
) -> None:
    first = await store.save("ada/a.md", b"ours")
    (root / "ada" / "a.md").write_bytes(b"theirs")

    (listed,) = await store.list("ada")
    with pytest.raises(BadInput, match="not what it was"):
        await store.save("ada/a.md", b"late", replaces=first.etag)
    saved = await store.save("ada/a.md", b"ours again", replaces=listed.etag)

    assert (listed.version, saved.version) == (2, 3)
    theirs = await store.load("ada/a.md", version=2)
    assert theirs is not None
    assert theirs.data == b"theirs"


async def test_a_crash_between_file_and_note_loses_no_contents(
    store: LocalArtifacts, root: Path
) -> None:
    await store.save("ada/a.md", b"one", "text/x-mine")
    note = root / "ada" / ".postern" / "a.md" / ".record.json"
    before = note.read_bytes()
    second = await store.save("ada/a.md", b"two", "text/x-mine")
    note.write_bytes(before)

    loaded = await store.load("ada/a.md")

    assert loaded is not None
    assert (loaded.data, loaded.artifact.etag) == (b"two", second.etag)
    assert (loaded.artifact.version, loaded.artifact.media_type) == (2, "text/x-mine")


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"version": 1}'])
async def test_a_damaged_note_costs_nothing_but_itself(
    store: LocalArtifacts, root: Path, note: bytes
) -> None:
    await store.save("ada/a.md", b"one")
    (root / "ada" / ".postern" / "a.md" / ".record.json").write_bytes(note)

    loaded = await store.load("ada/a.md")

    assert loaded is not None
    assert loaded.data == b"one"


async def test_a_reader_sees_the_old_or_the_new_and_never_a_mix(store: LocalArtifacts) -> None:
    contents = [bytes([number]) * 200_000 for number in range(20)]
    await store.save("ada/a.bin", contents[0])
    seen: list[tuple[bytes, str]] = []

    async def read(writing: asyncio.Task[None]) -> None:
        while not writing.done():
            found = await store.load("ada/a.bin")
            assert found is not None
            seen.append((found.data, found.artifact.etag))

    async def write() -> None:
        for data in contents:
            await store.save("ada/a.bin", data)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        group.create_task(read(writing))

    from hashlib import sha256

    assert len(seen) > 1
    assert all(data in contents and sha256(data).hexdigest() == etag for data, etag in seen)


async def test_a_volume_is_committed_before_a_change_is_acknowledged(root: Path) -> None:
    commits: list[bool] = []
    store = LocalArtifacts(
        root, SystemClock(), after_change=lambda: commits.append((root / "ada" / "a").exists())
    )

    await store.save("ada/a", b"x")
    await store.load("ada/a")
    await store.delete("ada/a")

    assert commits == [True, False]


async def test_a_folder_that_can_not_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    store = LocalArtifacts(tmp_path / "file", SystemClock())

    with pytest.raises(StoreUnavailable, match="can not be reached"):
        await store.save("ada/a", b"x")
