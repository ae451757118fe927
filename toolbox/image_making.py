"""The tool by which an agent makes a picture, keeps it with its person's files, and sends it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.domain.artifacts import Attachment
from gateway.domain.ids import PersonId
from gateway.domain.people import lane_owner
from gateway.domain.tools import Effect, ToolCall
from gateway.domain.turns import Turn
from gateway.errors import BadInput, Refused, RetryLater
from gateway.ports import ArtifactStore, Clock, NoteStore
from gateway.text.storable import storable
from toolbox.image_service import Picture
from toolbox.registry import Gift, Tool, tool_from

FOLDER = "images"
LONGEST_DESCRIPTION = 4_000
COUNT_NOTE = "images made"
_LONGEST_NAME = 30
_SIZES = {"square": "1024x1024", "wide": "1536x1024", "tall": "1024x1536"}
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class Painter(Protocol):
    """Whoever makes pictures; `ImageService` tells by which errors it fails."""

    async def make(self, description: str, size: str) -> Picture:
        """Return a picture of it."""
        ...


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What pictures may cost."""

    per_day: int = 20
    """Of one person, with all their agents, on a day of UTC."""
    timeout_seconds: float = 120.0


class DailyImages:
    """Counts a person's pictures by day, in a note that goes with them when they are forgotten.

    Calls in one process are counted one after the other; those that other processes
    make at the same moment may each pass the limit by one.
    """

    def __init__(self, notes: NoteStore, clock: Clock, most: int) -> None:
        self._notes = notes
        self._clock = clock
        self._most = most
        self._alone = asyncio.Lock()

    async def take(self, person: PersonId) -> None:
        """Count one more. Raises BadInput when there are no more today."""
        async with self._alone:
            made = await self._made(person)
            if made >= self._most:
                raise BadInput(
                    f"There are {self._most} pictures a day, and all of today's are made. "
                    "A new day begins at midnight UTC."
                )
            await self._put(person, made + 1)

    async def give_back(self, person: PersonId) -> None:
        """Count one less: it was not made."""
        async with self._alone:
            await self._put(person, max(0, await self._made(person) - 1))

    async def _made(self, person: PersonId) -> int:
        day, _, count = (await self._notes.get(person, COUNT_NOTE) or "").partition(" ")
        return int(count) if day == self._today() else 0

    async def _put(self, person: PersonId, count: int) -> None:
        await self._notes.put(person, COUNT_NOTE, f"{self._today()} {count}")

    def _today(self) -> str:
        return self._clock.now().date().isoformat()


def image_tools(
    painter: Painter, artifacts: ArtifactStore, notes: NoteStore, clock: Clock, limits: ImageLimits
) -> list[Tool]:
    """Return the tool. What it makes belongs to whom the agent's files belong to."""
    daily = DailyImages(notes, clock, limits.per_day)

    async def make_image(
        turn: Turn,
        call: ToolCall,
        description: str,
        shape: Literal["square", "wide", "tall"] = "square",
    ) -> Gift:
        """Make a picture and send it together with your answer. It is kept with the files.

        It may take a minute, and each picture costs something: make one at a time.

        Args:
            description: What is to be seen, and in which manner, in whole sentences.
            shape: square, wide or tall.
        """
        wanted = storable(description).strip()
        if not 0 < len(wanted) <= LONGEST_DESCRIPTION:
            raise BadInput(f"A description has 1 to {LONGEST_DESCRIPTION:,} characters.")
        await daily.take(turn.person)
        try:
            picture = await painter.make(wanted, _SIZES[shape])
        except (Refused, RetryLater):
            await daily.give_back(turn.person)
            raise
        name = f"{FOLDER}/{_name(wanted, turn, call)}.{_ENDINGS[picture.media_type]}"
        file = await _kept(artifacts, f"{_owner(turn)}/{name}", picture)
        return Gift(f"The picture goes with your answer, and is kept as {name}.", files=(file,))

    seconds = limits.timeout_seconds
    return [tool_from(make_image, effect=Effect.EXTERNAL, timeout_seconds=seconds)]


async def _kept(artifacts: ArtifactStore, key: str, picture: Picture) -> Attachment:
    try:
        saved = await artifacts.save(key, picture.data, picture.media_type)
    except (Refused, RetryLater) as error:
        raise Refused(f"The picture was made, and could not be kept: {error}") from error
    return Attachment(key.rpartition("/")[2], saved.media_type, saved.size_bytes, key)


def _name(description: str, turn: Turn, call: ToolCall) -> str:
    """Return words of the description, with what tells this picture from all others."""
    words = "-".join(re.findall(r"[^\W_]+", description.casefold()))
    mark = hashlib.sha256(f"{turn.ref.id} {call.id}".encode()).hexdigest()[:8]
    return "-".join(filter(None, (words[:_LONGEST_NAME].strip("-"), mark)))


def _owner(turn: Turn) -> str:
    """Return whose it is: the person's, or the place's of an agent shared there."""
    return lane_owner(turn.ref.lane, turn.person, turn.conversation)
