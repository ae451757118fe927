"""What every artifact store promises, over every implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest

from gateway.clock import SystemClock
from gateway.errors import BadInput
from gateway.ports import ABSENT, ArtifactStore
from storage.artifacts import Limits, LocalArtifacts, MemoryArtifacts
from storage.artifacts.s3 import Bucket, BucketOptions, S3Artifacts
from storage.artifacts.volume import VolumeArtifacts
from tests.fakes.s3_server import BUCKET, KEY_ID, REGION, SECRET, s3_server

LIMITS = Limits(artifact_bytes=100, owner_bytes=250, owner_files=4, older_versions=2)

LEADING_OUT = [
    "", "a", "/a/b", "a/", "a//b", "../a/b", "a/../b", "a/..", "a/./b", "a/.hidden",
    ".postern/b", "a/.postern/b", "a\\b/c", "a/b\\..\\c", "a/b\0c", "a/b\nc", "a/\ud800",
    "a/" + "x" * 200, "a/" + "x/" * 300 + "x",
]  # fmt: skip


class Disk:
    """A volume that is a folder of this machine."""

    def __init__(self) -> None:
        self.commits = 0

    def commit(self) -> None:
        self.commits += 1

    def reload(self) -> None:
        raise OSError("the volume is busy")


@asynccontextmanager
async def memory(folder: Path) -> AsyncGenerator[ArtifactStore]:
    yield MemoryArtifacts(SystemClock(), LIMITS)


@asynccontextmanager
async def local(folder: Path) -> AsyncGenerator[ArtifactStore]:
    yield LocalArtifacts(folder / "artifacts", SystemClock(), LIMITS)


@asynccontextmanager
async def volume(folder: Path) -> AsyncGenerator[ArtifactStore]:
    yield VolumeArtifacts(Disk(), folder / "artifacts", SystemClock(), LIMITS)


@asynccontextmanager
async def s3(folder: Path) -> AsyncGenerator[ArtifactStore]:
    async with s3_server() as server:
        options = BucketOptions(BUCKET, "post ern/ü", server.url, REGION, KEY_ID, SECRET)
        bucket = Bucket(options, SystemClock())
        yield S3Artifacts(bucket, SystemClock(), LIMITS)
        await bucket.close()


STORES = {"memory": memory, "local": local, "volume": volume, "s3": s3}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[ArtifactStore]:
    async with STORES[cast("str", request.param)](tmp_path) as store:
        yield store


async def test_what_was_saved_is_loaded_with_all_about_it(store: ArtifactStore) -> None:
    saved = await store.save("ada/notes/plan.md", b"# Plan", "text/markdown")

    loaded = await store.load("ada/notes/plan.md")

    assert loaded is not None
    assert (loaded.data, loaded.artifact) == (b"# Plan", saved)
    assert (saved.media_type, saved.size_bytes, saved.version) == ("text/markdown", 6, 1)
    assert saved.etag == sha256(b"# Plan").hexdigest()


async def test_the_media_type_is_guessed_from_the_name(store: ArtifactStore) -> None:
    picture = await store.save("ada/cat.png", b"x")
    unknown = await store.save("ada/cat", b"x")

    assert (picture.media_type, unknown.media_type) == ("image/png", "application/octet-stream")


async def test_a_file_that_reads_like_an_answer_of_the_server_is_a_file(
    store: ArtifactStore,
) -> None:
    data = b"<Error><Code>NoSuchBucket</Code></Error>"
    await store.save("ada/error.xml", data)

    found = await store.load("ada/error.xml")

    assert found is not None
    assert found.data == data


async def test_what_is_not_there_is_none(store: ArtifactStore) -> None:
    await store.save("ada/a.txt", b"a")

    assert await store.load("ada/b.txt") is None
    assert await store.load("bob/a.txt") is None
    assert await store.load("ada/a.txt", version=7) is None
    assert await store.list("bob") == []
    assert not await store.delete("ada/b.txt")
    assert not await store.delete("bob/a.txt")


async def test_a_save_makes_a_version_and_a_few_older_ones_stay(store: ArtifactStore) -> None:
    for number in range(1, 5):
        await store.save("ada/a.txt", b"%d" % number)

    kept = [await store.load("ada/a.txt", version) for version in range(1, 5)]

    assert [each and each.data for each in kept] == [None, b"2", b"3", b"4"]
    assert [each and each.artifact.version for each in kept] == [None, 2, 3, 4]


async def test_the_same_bytes_are_the_same_version(store: ArtifactStore) -> None:
    first = await store.save("ada/a.txt", b"same", "text/plain")
    again = await store.save("ada/a.txt", b"same", "text/x-other")

    assert (again.version, again.etag) == (1, first.etag)
    assert [each.media_type for each in await store.list("ada")] == ["text/x-other"]


async def test_only_what_was_read_is_replaced_when_asked_so(store: ArtifactStore) -> None:
    first = await store.save("ada/a.txt", b"one")
    await store.save("ada/a.txt", b"two", replaces=first.etag)

    with pytest.raises(BadInput, match="not what it was"):
        await store.save("ada/a.txt", b"three", replaces=first.etag)
    with pytest.raises(BadInput, match="not what it was"):
        await store.save("ada/new.txt", b"three", replaces=first.etag)

    loaded = await store.load("ada/a.txt")
    assert loaded is not None
    assert loaded.data == b"two"


async def test_of_many_that_replace_the_same_one_wins(store: ArtifactStore) -> None:
    first = await store.save("ada/a.txt", b"start")

    async def replace(number: int) -> bool:
        try:
            await store.save("ada/a.txt", b"%d" % number, replaces=first.etag)
        except BadInput:
            return False
        return True

    assert sum(await asyncio.gather(*map(replace, range(8)))) == 1


async def test_of_many_that_are_the_first_one_wins(store: ArtifactStore) -> None:
    async def begin(number: int) -> bool:
        try:
            await store.save("ada/a.txt", b"%d" % number, replaces=ABSENT)
        except BadInput:
            return False
        return True

    assert sum(await asyncio.gather(*map(begin, range(8)))) == 1
    with pytest.raises(BadInput, match="not what it was"):
        await store.save("ada/a.txt", b"later", replaces=ABSENT)


@pytest.mark.parametrize("key", LEADING_OUT)
async def test_no_key_leads_out_of_its_folder(store: ArtifactStore, key: str) -> None:
    with pytest.raises(BadInput):
        await store.save(key, b"x")
    with pytest.raises(BadInput):
        await store.load(key)
    with pytest.raises(BadInput):
        await store.delete(key)


async def test_an_owner_does_not_see_what_a_longer_name_has(store: ArtifactStore) -> None:
    await store.save("a/x.txt", b"a")
    await store.save("a2/x.txt", b"a2")

    assert [each.key for each in await store.list("a")] == ["a/x.txt"]


async def test_lists_are_pages_in_the_order_of_keys(store: ArtifactStore) -> None:
    for name in ("c.txt", "a/b.txt", "a-1.txt", "b.txt"):
        await store.save(f"ada/{name}", name.encode())

    first = await store.list("ada", limit=3)
    rest = await store.list("ada", after=first[-1].key, limit=3)

    assert [each.key for each in first] == ["ada/a-1.txt", "ada/a/b.txt", "ada/b.txt"]
    assert [each.key for each in rest] == ["ada/c.txt"]
    assert [each.key for each in await store.list("ada/a")] == ["ada/a/b.txt"]


async def test_deleted_is_gone_with_its_versions_and_its_folders(store: ArtifactStore) -> None:
    await store.save("ada/a/b.txt", b"one")
    await store.save("ada/a/b.txt", b"two")

    assert await store.delete("ada/a/b.txt")

    assert await store.load("ada/a/b.txt") is None
    assert await store.load("ada/a/b.txt", version=1) is None
    assert (await store.save("ada/a", b"a file now")).version == 1


async def test_a_name_is_a_file_or_a_folder(store: ArtifactStore) -> None:
    await store.save("ada/a", b"x")
    await store.save("ada/b/c", b"x")

    with pytest.raises(BadInput, match="same name"):
        await store.save("ada/a/b", b"x")
    with pytest.raises(BadInput, match="same name"):
        await store.save("ada/b", b"x")


async def test_a_file_over_the_limit_is_refused(store: ArtifactStore) -> None:
    with pytest.raises(BadInput, match="100 at most"):
        await store.save("ada/a", b"x" * 101)


async def test_the_quota_counts_one_owners_contents_with_their_versions(
    store: ArtifactStore,
) -> None:
    await store.save("bob/a", b"x" * 100)
    for letter in b"abcdef":
        await store.save("ada/a", bytes([letter]) * 80)

    with pytest.raises(BadInput, match="Delete some"):
        await store.save("ada/b", b"x" * 20)

    await store.save("ada/b", b"x" * 10)


async def test_the_number_of_files_is_limited(store: ArtifactStore) -> None:
    for number in range(4):
        await store.save(f"ada/{number}", b"x")

    with pytest.raises(BadInput, match="the most"):
        await store.save("ada/4", b"x")

    await store.save("ada/3", b"changed")


@pytest.mark.parametrize("media_type", ["text/html\r\nX: y", "ä/ö", "x" * 300])
async def test_a_media_type_can_stand_in_a_header(store: ArtifactStore, media_type: str) -> None:
    with pytest.raises(BadInput, match="media type"):
        await store.save("ada/a", b"x", media_type)
