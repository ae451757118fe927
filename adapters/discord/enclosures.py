"""What goes out beside a text, or as a canvas instead: files, buttons, the card of a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from adapters.discord.buttons import Buttons
from adapters.discord.canvas import components_of, text_of
from adapters.discord.cards import card_of
from adapters.discord.options import FindApproval
from adapters.discord.outbound import Content, content_of
from adapters.discord.rest import Json, Upload
from gateway.domain.approvals import asked_by
from gateway.domain.artifacts import Attachment
from gateway.domain.deliveries import Delivery
from gateway.errors import BadInput
from gateway.ports import ArtifactStore
from gateway.text.canvas import said

FILE_LIMIT_BYTES = 10 * 1024 * 1024
"""Of one file, where nobody paid for more ("Uploading Files", Discord's reference)."""
REQUEST_LIMIT_BYTES = 24 * 1024 * 1024
"""Of all of them; Discord takes 25 MiB with what stands around them."""
MOST_FILES = 9
"""Discord takes ten; one is kept for an answer that goes on in a file."""


@dataclass(slots=True)
class _Packing:
    """What goes out, and what is said of that which can not."""

    uploads: list[Upload] = field(default_factory=list[Upload])
    notes: list[str] = field(default_factory=list[str])

    @property
    def size_bytes(self) -> int:
        return sum(len(upload.data) for upload in self.uploads)


class Enclosures:
    """Puts a delivery's files, buttons and card beside its text.

    A file that can not go is named with the reason.
    """

    def __init__(
        self, artifacts: ArtifactStore | None, find_approval: FindApproval | None, buttons: Buttons
    ) -> None:
        self._artifacts = artifacts
        self._find_approval = find_approval
        self._buttons = buttons

    async def content_of(self, delivery: Delivery) -> Content:
        """Return what a first post shows. Raises StoreUnavailable."""
        packing = _Packing()
        for file in delivery.files:
            await self._pack(file, packing)
        text = "\n\n".join([delivery.text, *packing.notes])
        return await self._shown(delivery, text, packing.uploads)

    async def edited(self, delivery: Delivery) -> Content:
        """Return what an edit shows: files stay as they are. Raises StoreUnavailable."""
        return await self._shown(delivery, delivery.text)

    async def _shown(
        self, delivery: Delivery, text: str, uploads: Sequence[Upload] = ()
    ) -> Content:
        if delivery.canvas is not None:
            canvases = (delivery.canvas, said(delivery.canvas))
            drawn, in_words = (components_of(c, delivery.number, self._buttons) for c in canvases)
            return Content(text_of(drawn), canvas=drawn, instead=text_of(in_words))
        rows = self._buttons.rows_of(delivery.buttons)
        return replace(content_of(text, rows, uploads), cards=await self._cards(delivery))

    async def _cards(self, delivery: Delivery) -> tuple[Json, ...]:
        asked = asked_by(delivery.id)
        if asked is None or self._find_approval is None:
            return ()
        approval = await self._find_approval(asked)
        return () if approval is None else (card_of(approval),)

    async def _pack(self, file: Attachment, packing: _Packing) -> None:
        reason = _reason_against(file, packing)
        data = None if reason else await self._load(file)
        if data is None:
            packing.notes.append(_note(file, reason or "can not be found here"))
        else:
            packing.uploads.append(Upload(file.name, data, file.media_type))

    async def _load(self, file: Attachment) -> bytes | None:
        if self._artifacts is None:
            return None
        try:
            contents = await self._artifacts.load(file.artifact)
        except BadInput:
            return None
        return contents.data if contents else None


def _reason_against(file: Attachment, packing: _Packing) -> str | None:
    if file.size_bytes > FILE_LIMIT_BYTES:
        return "is larger than Discord takes"
    if len(packing.uploads) >= MOST_FILES or packing.size_bytes + file.size_bytes > (
        REQUEST_LIMIT_BYTES
    ):
        return "is more than Discord takes with one message"
    return None


def _note(file: Attachment, reason: str) -> str:
    return f"(The file {file.name}, {file.size_bytes / 1_000_000:.1f} MB, {reason}.)"
