"""S3: what the contract does not say of signatures, conditions, and a service in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.clock import SystemClock
from gateway.errors import StoreUnavailable
from storage.artifacts.s3 import Bucket, BucketOptions, S3Artifacts
from storage.artifacts.s3.signing import Credentials, Wish, signed_headers
from tests.fakes.s3_server import BUCKET, KEY_ID, REGION, SECRET, Kept, S3Server, s3_server


@pytest.fixture
async def server() -> AsyncGenerator[S3Server]:
    async with s3_server() as server:
        yield server


@pytest.fixture
def options(server: S3Server) -> BucketOptions:
    return BucketOptions(BUCKET, "", server.url, REGION, KEY_ID, SECRET)


Open = Callable[[BucketOptions], S3Artifacts]


@pytest.fixture
async def opened() -> AsyncGenerator[Open]:
    async with AsyncExitStack() as stack:

        def open_one(options: BucketOptions) -> S3Artifacts:
            bucket = Bucket(options, SystemClock())
            stack.push_async_callback(bucket.close)
            return S3Artifacts(bucket, SystemClock())

        yield open_one


def test_a_request_is_signed_as_the_reference_says() -> None:
    wish = Wish(
        "GET", "examplebucket.s3.amazonaws.com", "/test.txt", {}, {"range": "bytes=0-9"}, b""
    )
    who = Credentials(
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"
    )

    headers = signed_headers(wish, who, datetime(2013, 5, 24, tzinfo=UTC))

    assert headers["authorization"].endswith(
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


@pytest.mark.parametrize("changed", [{"secret": "wrong"}, {"key_id": "OTHER"}, {"region": "x"}])
async def test_a_wrong_key_is_said_in_the_services_own_word(
    opened: Open, options: BucketOptions, changed: dict[str, str]
) -> None:
    store = opened(replace(options, **changed))  # pyright: ignore[reportArgumentType] - its fields

    with pytest.raises(StoreUnavailable, match=r'"our-bucket" answered 403 \(SignatureDoesNot'):
        await store.list("ada")


async def test_a_service_in_trouble_is_asked_again(
    opened: Open, server: S3Server, options: BucketOptions
) -> None:
    store = opened(options)
    server.failures = [503, 500]

    await store.save("ada/a.txt", b"kept")

    loaded = await store.load("ada/a.txt")
    assert loaded is not None
    assert loaded.data == b"kept"


async def test_a_service_that_stays_in_trouble_is_said_to_be(
    opened: Open, server: S3Server, options: BucketOptions
) -> None:
    server.failures = [503] * 3

    with pytest.raises(StoreUnavailable, match=r"503 \(SlowDown\)"):
        await opened(options).list("ada")


async def test_a_service_that_is_gone_is_said_to_be(opened: Open, options: BucketOptions) -> None:
    away = replace(options, endpoint="http://127.0.0.1:9")

    with pytest.raises(StoreUnavailable, match="can not be reached"):
        await opened(away).load("ada/a.txt")


async def test_a_bucket_that_is_not_there_is_no_empty_one(
    opened: Open, options: BucketOptions
) -> None:
    store = opened(replace(options, name="no-bucket"))

    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        await store.list("ada")
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        await store.save("ada/a.txt", b"x")


async def test_of_processes_that_write_at_once_none_is_lost_unseen(
    opened: Open, options: BucketOptions
) -> None:
    stores = [opened(options) for _ in range(4)]

    saved = await asyncio.gather(
        *(store.save("ada/a.txt", b"%d" % number) for number, store in enumerate(stores))
    )

    assert sorted(artifact.version for artifact in saved) == [1, 2, 3, 4]
    newest = await stores[0].load("ada/a.txt")
    assert newest is not None
    assert newest.artifact == max(saved, key=lambda artifact: artifact.version)


async def test_an_object_of_others_is_not_taken_for_an_artifact(
    opened: Open, server: S3Server, options: BucketOptions
) -> None:
    server.objects["ada/theirs.txt"] = Kept(b"x", {"content-type": "text/plain"})

    with pytest.raises(StoreUnavailable, match="not put there by Postern"):
        await opened(options).load("ada/theirs.txt")
