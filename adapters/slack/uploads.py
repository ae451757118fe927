"""Files that go out: uploaded one by one, then shown in one message with the words beside them.

Slack's three steps: docs.slack.dev/messaging/working-with-files. Only the last one shows
anything, and its message takes no metadata: the names of the files carry our mark.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import aiohttp

from adapters.slack.answers import FileTold, UploadPlace
from adapters.slack.calls import SlackCalls
from adapters.slack.recent import Recent
from adapters.slack.web_api import answered
from gateway.domain.conversations import Conversation
from gateway.domain.deliveries import Button, Delivery
from gateway.domain.ids import DeliveryId, PlatformMessageId
from gateway.errors import OutcomeUnknown, RetryLater
from gateway.ports import ArtifactStore
from gateway.text.mrkdwn import to_mrkdwn

log = logging.getLogger(__name__)

_LONGEST_STEM = 80
_MARK_CHARACTERS = 12
UPLOAD_SECONDS = 120.0

_UPLOAD = "files.getUploadURLExternal"


@dataclass(frozen=True, slots=True)
class Packed:
    """What is left of a delivery's files, and the words that go with them."""

    files: Sequence[tuple[str, str, bytes]]
    """Title, marked name and contents."""
    text: str


@dataclass(frozen=True, slots=True)
class _Shown:
    file: str
    channel: str


class Uploads:
    """Brings files to a channel; what it showed in this process, it can find again."""

    def __init__(self, calls: SlackCalls, artifacts: ArtifactStore) -> None:
        self._calls = calls
        self._artifacts = artifacts
        self._shown: Recent[DeliveryId, _Shown] = Recent()

    async def pack(self, delivery: Delivery) -> Packed:
        """Load the files; what can not be sent is named in the text. Raises StoreUnavailable."""
        files: list[tuple[str, str, bytes]] = []
        notes: list[str] = []
        for index, file in enumerate(delivery.files):
            contents = await self._artifacts.load(file.artifact)
            if contents is None:
                notes.append(f"(file not sent – {file.name}: it is no longer kept.)")
            elif not contents.data:
                notes.append(f"(file not sent – {file.name}: it is empty.)")
            else:
                files.append((file.name, _marked(file.name, index, delivery), contents.data))
        words = [delivery.text, *notes, *_as_words(delivery.buttons)]
        return Packed(files, "\n\n".join(line for line in words if line))

    async def show(
        self, delivery: Delivery, packed: Packed, place: Conversation
    ) -> PlatformMessageId:
        """Upload and share them there as one message.

        Raises RetryLater (surely not shown), OutcomeUnknown (perhaps shown) or
        DeliveryRefused (never will be).
        """
        team = place.workspace
        sent = [await self._upload(team, *file) for file in packed.files]
        args: dict[str, Any] = {"files": json.dumps(sent), "channel_id": place.channel}
        if packed.text:
            args["initial_comment"] = to_mrkdwn(packed.text)
        if place.thread is not None:
            args["thread_ts"] = place.thread
        await self._calls.submit(team, "files.completeUploadExternal", args)
        self._shown.put(delivery.id, _Shown(sent[0]["id"], place.channel))
        receipt = await self._receipt(delivery, team)
        if receipt is None:
            raise OutcomeUnknown("Slack took the files, and does not say yet where they are.")
        return receipt

    async def find(self, delivery: Delivery, team: str) -> PlatformMessageId | None:
        """Return where this process has shown them; None when it has not.

        Raises RetryLater while Slack does not say.
        """
        if self._shown.get(delivery.id) is None:
            return None
        receipt = await self._receipt(delivery, team)
        if receipt is None:
            raise RetryLater("Slack took the files, and does not say yet where they are.")
        return receipt

    async def _receipt(self, delivery: Delivery, team: str) -> PlatformMessageId | None:
        """Ask where the message is; Slack shows files some moments after it took them."""
        shown = self._shown.get(delivery.id)
        if shown is None:
            return None
        try:
            answer = await self._calls.read(team, "files.info", {"file": shown.file})
            shares = answered(FileTold, "files.info", answer).file.shares
        except (RetryLater, OutcomeUnknown):
            return None
        there = shares.public.get(shown.channel) or shares.private.get(shown.channel)
        return PlatformMessageId(there[0].ts) if there else None

    async def _upload(self, team: str, title: str, name: str, data: bytes) -> dict[str, str]:
        """Bring one file to Slack, where nobody sees it yet: any failure may be repeated."""
        try:
            args = {"filename": name, "length": str(len(data))}
            answer = await self._calls.submit(team, _UPLOAD, args)
            place = answered(UploadPlace, _UPLOAD, answer)
            await self._post(place.upload_url, data)
        except OutcomeUnknown as error:
            raise RetryLater(f"A file did not get to Slack. {error}") from error
        return {"id": place.file_id, "title": title}

    async def _post(self, url: str, data: bytes) -> None:
        timeout = aiohttp.ClientTimeout(total=UPLOAD_SECONDS)
        session = self._calls.workspaces.session()
        try:
            async with session.post(url, data=data, timeout=timeout) as answer:
                if answer.status != 200:
                    raise RetryLater(f"Slack answered {answer.status} to a file.")
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise RetryLater(f"A file did not get to Slack: {error!r}.") from error


def carries_mark(message: Mapping[str, Any], delivery: Delivery) -> bool:
    """Whether a message of a channel's history has this delivery's files."""
    names = (str(file.get("name", "")) for file in message.get("files") or ())
    return any(_mark(delivery) in name for name in names)


def _mark(delivery: Delivery) -> str:
    return delivery.nonce[:_MARK_CHARACTERS]


def _marked(name: str, index: int, delivery: Delivery) -> str:
    """Return the name under which Slack keeps it; people read the title, which stays plain."""
    path = PurePosixPath(name.replace("/", "_").replace("\\", "_"))
    return f"{path.stem[:_LONGEST_STEM]}-{_mark(delivery)}-{index}{path.suffix[:20]}"


def _as_words(buttons: Sequence[Button]) -> list[str]:
    """A message with files shows no buttons: what they say can be typed."""
    if not buttons:
        return []
    said = ", ".join(f"`{button.says}` ({button.label})" for button in buttons)
    return [f"You can answer: {said}"]
