"""Which of the files that came with a message an agent sees, and their bytes."""

from __future__ import annotations

import logging
import re

from gateway.domain.artifacts import Attachment
from gateway.domain.messages import InboundMessage
from gateway.domain.turns import Image
from gateway.ports import ArtifactStore

log = logging.getLogger(__name__)

_BEGINNINGS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
"""What the usual models read, and how such a file begins, whatever it is called."""
LARGEST_BYTES = 5_000_000
"""Of one picture: what the narrowest of the usual models takes."""
MOST = 8
"""Of one message. The others are named to the agent, as all files are."""


class Images:
    """Loads the pictures among a message's files. One that is gone is left out."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def of(self, message: InboundMessage) -> tuple[Image, ...]:
        """Return the pictures; raises StoreUnavailable when the files can not be read."""
        wanted = [file for file in message.attachments if _is_seen(file)][:MOST]
        found = [await self._load(file) for file in wanted]
        return tuple(image for image in found if image is not None)

    async def _load(self, file: Attachment) -> Image | None:
        contents = await self._artifacts.load(file.artifact)
        if contents is None:
            log.warning("image_is_gone", extra={"artifact": file.artifact})
            return None
        kinds = [kind for kind, start in _BEGINNINGS.items() if start.match(contents.data)]
        return Image(kinds[0], contents.data) if kinds else None


def _is_seen(file: Attachment) -> bool:
    return file.media_type.startswith("image/") and file.size_bytes <= LARGEST_BYTES
