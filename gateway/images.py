"""Which of the files that came with a message an agent sees, and their bytes."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gateway.domain.artifacts import Attachment, picture_type
from gateway.domain.messages import InboundMessage
from gateway.domain.turns import Image
from gateway.ports import ArtifactStore

log = logging.getLogger(__name__)

LARGEST_BYTES = 5_000_000
"""Of one picture: what the narrowest of the usual models takes."""
MOST = 8
MOST_BYTES = 10_000_000
"""Of one turn, so that its request stays within what servers take; all files are named anyway."""


class Images:
    """Loads the pictures among the files of a turn. One that is gone is left out."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def of(self, messages: Sequence[InboundMessage]) -> list[tuple[Image, ...]]:
        """Return the pictures of each message; raises StoreUnavailable."""
        return [await self._all(files) for files in _seen(messages)]

    async def _all(self, files: Sequence[Attachment]) -> tuple[Image, ...]:
        found = [await self._load(file) for file in files]
        return tuple(image for image in found if image is not None)

    async def _load(self, file: Attachment) -> Image | None:
        contents = await self._artifacts.load(file.artifact)
        if contents is None:
            log.warning("image_is_gone", extra={"artifact": file.artifact})
            return None
        kind = picture_type(contents.data)
        return None if kind is None else Image(kind, contents.data)


def _seen(messages: Sequence[InboundMessage]) -> list[list[Attachment]]:
    """Choose by name and size alone, so that a repeat of the turn chooses the same."""
    chosen: list[list[Attachment]] = []
    count = size = 0
    for message in messages:
        chosen.append([])
        for file in message.attachments:
            is_picture = file.media_type.startswith("image/") and file.size_bytes <= LARGEST_BYTES
            if is_picture and count < MOST and size + file.size_bytes <= MOST_BYTES:
                chosen[-1].append(file)
                count, size = count + 1, size + file.size_bytes
    return chosen
