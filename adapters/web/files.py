"""Files that came with answers: whoever sees the answer may fetch them, and nobody else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import quote

from starlette.responses import Response

from adapters.web.guard import TurnedAway
from gateway.domain.artifacts import picture_type
from gateway.domain.conversations import Conversation
from gateway.ports import ArtifactStore, DeliveryStore

_NONE = "There is no such file here."


@dataclass(frozen=True, slots=True)
class FileDoor:
    """Where answers and their files are found."""

    deliveries: DeliveryStore
    artifacts: ArtifactStore

    async def fetch(self, delivery: str, index: int, places: Collection[Conversation]) -> Response:
        """Return the file; raises TurnedAway (404) unless its answer stands in one of the places.

        It is always saved, never opened: what an agent made must not run as our page. A picture
        is called one, so that our page can draw it; browsers believe that, and look no further.
        """
        found = await self.deliveries.get(delivery)
        if found is None or replace(found.conversation, thread=None) not in places:
            raise TurnedAway(404, _NONE)
        if not 0 <= index < len(found.files):
            raise TurnedAway(404, _NONE)
        file = found.files[index]
        contents = await self.artifacts.load(file.artifact)
        if contents is None:
            raise TurnedAway(404, _NONE)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        }
        kind = picture_type(contents.data) or "application/octet-stream"
        return Response(contents.data, media_type=kind, headers=headers)
