"""Pictures that agents make: kept as their person's, sent with the answer, so many a day."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from gateway.domain.artifacts import picture_type
from gateway.domain.people import Mode
from gateway.domain.tools import Effect, ToolCall, ToolResult
from gateway.domain.turns import Turn
from gateway.errors import BadInput, OutcomeUnknown, PosternError, Refused, RetryLater
from storage.artifacts import Limits, MemoryArtifacts
from storage.memory import MemoryStore
from tests.fakes.virtual_time import EPOCH, LoopClock
from tests.unit.toolbox.turns import turn_of
from toolbox.executor import Executor
from toolbox.files import file_tools
from toolbox.image_making import LONGEST_DESCRIPTION, ImageLimits, image_tools
from toolbox.image_service import Picture
from toolbox.registry import Registry

ADA, BOB = turn_of("ada"), turn_of("bob")
PNG = b"\x89PNG\r\n\x1a\nfox"


class Brush:
    """Paints the same fox for everybody, unless something is to go wrong."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.failures: list[PosternError] = []

    async def make(self, description: str, size: str) -> Picture:
        """Return a picture of it."""
        self.asked.append((description, size))
        if self.failures:
            raise self.failures.pop(0)
        return Picture("image/png", PNG)


class Studio:
    """The tool beside those for files, as agents call them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.clock, self.brush = LoopClock(EPOCH), Brush()
        self.artifacts = MemoryArtifacts(self.clock, limits)
        notes = MemoryStore().notes
        made = image_tools(self.brush, self.artifacts, notes, self.clock, ImageLimits(per_day=3))
        self.registry = Registry([*made, *file_tools(self.artifacts)])
        self._executor, self._calls = Executor(self.registry), 0

    async def make(self, turn: Turn, description: str = "A fox.", **more: str) -> ToolResult:
        return await self.call(turn, "make_image", description=description, **more)

    async def call(self, turn: Turn, tool: str, **arguments: str) -> ToolResult:
        self._calls += 1
        call = ToolCall(f"c{self._calls}", tool, json.dumps(arguments))
        return await self._executor.call(turn, call)


async def test_a_picture_is_kept_and_goes_with_the_answer() -> None:
    studio = Studio()

    made = await studio.make(ADA, " A red Fox, in the snow! ")

    (file,) = made.files
    assert not made.is_error
    assert file.artifact.startswith("ada/images/a-red-fox-in-the-snow-")
    assert (file.media_type, file.size_bytes) == ("image/png", len(PNG))
    assert made.text.endswith(f"is kept as {file.artifact.removeprefix('ada/')}.")
    kept = await studio.artifacts.load(file.artifact)
    assert kept is not None
    assert (kept.data, kept.artifact.media_type) == (PNG, "image/png")
    assert studio.brush.asked == [("A red Fox, in the snow!", "1024x1024")]


@pytest.mark.parametrize(("shape", "size"), [("wide", "1536x1024"), ("tall", "1024x1536")])
async def test_it_has_the_shape_that_was_asked_for(shape: str, size: str) -> None:
    studio = Studio()

    await studio.make(ADA, shape=shape)

    assert studio.brush.asked[0][1] == size


async def test_two_pictures_of_one_description_are_two_files() -> None:
    studio = Studio()

    made = [await studio.make(ADA), await studio.make(ADA)]

    assert len({each.files[0].artifact for each in made}) == 2


@pytest.mark.parametrize("description", ["../../bob/x", "🦊", "狐" * 500, "\0 fox", "a\nb"])
async def test_no_description_leads_out_of_its_owners_folder(description: str) -> None:
    studio = Studio()

    made = await studio.make(ADA, description)

    assert not made.is_error, made.text
    assert [each.key for each in await studio.artifacts.list("ada/images")] == [
        made.files[0].artifact
    ]


@pytest.mark.parametrize("arguments", [{"description": " "}, {"description": "x", "shape": "odd"}])
async def test_what_can_not_be_asked_for_is_not_asked_for(arguments: dict[str, str]) -> None:
    studio = Studio()

    made = await studio.call(ADA, "make_image", **arguments)
    long = await studio.make(ADA, "x" * (LONGEST_DESCRIPTION + 1))

    assert made.is_error
    assert long.text == "A description has 1 to 4,000 characters."
    assert studio.brush.asked == []


async def test_another_persons_agent_can_neither_read_nor_send_it() -> None:
    studio = Studio()
    made = await studio.make(ADA)
    name = made.files[0].artifact.removeprefix("ada/")

    tries = [
        await studio.call(BOB, tool, name=each)
        for tool in ("read_file", "attach_file")
        for each in (name, made.files[0].artifact, f"../ada/{name}")
    ]

    assert all(each.is_error and not each.files for each in tries)
    assert (await studio.call(BOB, "list_files")).text == "There are no files."
    assert (await studio.call(ADA, "attach_file", name=name)).files == made.files


async def test_of_a_shared_agent_it_belongs_to_the_place() -> None:
    studio, shared = Studio(), turn_of("ada", mode=Mode.SHARED)

    made = await studio.make(shared)

    assert not made.files[0].artifact.startswith("ada/")
    assert (await studio.call(ADA, "list_files")).text == "There are no files."


async def test_there_are_so_many_a_day_for_each_person() -> None:
    studio = Studio()
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(studio.make(ADA, f"Fox {number}.")) for number in range(4)]
    refused = [each.result().text for each in calls if each.result().is_error]

    bobs = await studio.make(BOB)
    studio.clock.step(timedelta(days=1))
    tomorrow = await studio.make(ADA)

    assert refused == [
        "There are 3 pictures a day, and all of today's are made. A new day begins at midnight UTC."
    ]
    assert len(studio.brush.asked) == 5
    assert not bobs.is_error
    assert not tomorrow.is_error


async def test_what_was_surely_not_made_does_not_count() -> None:
    studio = Studio()
    studio.brush.failures = [RetryLater("Later."), Refused("No."), BadInput("Not this.")]

    failed = [await studio.make(ADA) for _ in range(3)]
    made = [await studio.make(ADA) for _ in range(3)]

    assert [each.text for each in failed] == ["Later.", "No.", "Not this."]
    assert not any(each.is_error for each in made)


async def test_what_may_have_been_made_counts() -> None:
    studio = Studio()
    studio.brush.failures = [OutcomeUnknown("It broke off.")] * 3

    failed = [await studio.make(ADA) for _ in range(3)]

    assert {each.text for each in failed} == {"It broke off."}
    assert "all of today's" in (await studio.make(ADA)).text


async def test_a_picture_that_can_not_be_kept_is_told() -> None:
    studio = Studio(Limits(artifact_bytes=5))

    made = await studio.make(ADA)

    assert made.is_error
    assert made.text.startswith("The picture was made, and could not be kept: 11 bytes are too")


def test_it_is_never_repeated_by_itself() -> None:
    tool = Studio().registry.get("make_image")

    assert tool is not None
    assert tool.spec.effect is Effect.EXTERNAL


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBP", "image/webp"),
        (b"RIFF\x10\0\0\0WAVE", None),
        (b"<svg", None),
        (b"", None),
    ],
)
def test_a_picture_is_told_by_how_it_begins(data: bytes, kind: str | None) -> None:
    assert picture_type(data) == kind
