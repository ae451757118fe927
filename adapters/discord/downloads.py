"""Files that come in: fetched from Discord, within limits, into the artifact store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from http import HTTPStatus

import aiohttp

from adapters.discord.failures import NETWORK_ERRORS
from adapters.discord.options import DiscordOptions
from adapters.discord.payloads import File
from gateway.domain.artifacts import Attachment, attachment_key
from gateway.domain.messages import InboundMessage
from gateway.errors import BadInput, StoreUnavailable

MOST_FILES = 25
_AT_ONCE = 4
"""Files in memory at the same time, whoever sends them."""
_CHUNK_BYTES = 64 * 1024
_AGAIN_AFTER = (0.2, 1.0)
"""Seconds between the tries of one file."""


class _NotTaken(Exception):
    """A file stays out; the words follow upon its name."""


class _Hiccup(_NotTaken):
    """Another try may get it."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """A file that stays out, and why."""

    file: File
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.file.plain_name}: {self.reason}."


class Downloads:
    """Takes in the files of a message before it is stored, so that it is stored with them.

    What can not be had is told to the agent below the words, and to the person;
    it never holds the message up for longer than `download_seconds`.
    """

    def __init__(self, options: DiscordOptions) -> None:
        self._options = options
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def take_in(
        self, said: InboundMessage, files: Sequence[File]
    ) -> tuple[InboundMessage, str | None]:
        """Return the message with its files, and what its sender is told if some stay out."""
        kept: list[Attachment] = []
        missing = [_Missing(file, "it is one too many") for file in files[MOST_FILES:]]
        late = asyncio.get_running_loop().time() + self._options.download_seconds
        for index, file in enumerate(files[:MOST_FILES]):
            key = attachment_key(said.sender.identity, said.event_id, index, file.filename)
            try:
                async with asyncio.timeout_at(late), self._room:
                    kept.append(await self._keep(key, file))
            except TimeoutError:
                missing.append(_Missing(file, "it did not come in time"))
            except _NotTaken as error:
                missing.append(_Missing(file, str(error)))
        return _with_files(said, kept, missing), _sentence(missing)

    async def _keep(self, key: str, file: File) -> Attachment:
        artifacts = self._options.artifacts
        if artifacts is None:
            raise _NotTaken("this gateway takes no files in")
        self._check(file)
        data = await self._fetch(file)
        try:
            made = await artifacts.save(key, data, file.media_type)
        except BadInput as error:
            raise _NotTaken(str(error).rstrip(".")) from error
        except StoreUnavailable as error:
            raise _NotTaken("it could not be kept just now") from error
        return Attachment(file.plain_name, made.media_type, made.size_bytes, made.key)

    def _check(self, file: File) -> None:
        most = self._options.attachment_bytes
        if file.size > most:
            raise _NotTaken(f"it has {file.size:,} bytes, and {most:,} are the most")
        kind = file.media_type or "application/octet-stream"
        if not any(fnmatchcase(kind, pattern) for pattern in self._options.attachment_types):
            raise _NotTaken(f"files of the type {kind} are not taken in here")

    async def _fetch(self, file: File) -> bytes:
        for wait in _AGAIN_AFTER:
            try:
                return await self._read(file)
            except _Hiccup:
                await asyncio.sleep(wait)
        return await self._read(file)

    async def _read(self, file: File) -> bytes:
        """Read it in pieces, for what Discord says of its size is only what it says.

        The address is signed and needs no token, so none is sent.
        """
        data = bytearray()
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(file.url, allow_redirects=False) as response,
            ):
                _check_status(response.status)
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    data += chunk
                    if len(data) > self._options.attachment_bytes:
                        raise _NotTaken("it is larger than Discord said")
        except (*NETWORK_ERRORS, ValueError) as error:
            raise _Hiccup("Discord did not hand it over") from error
        return bytes(data)


def _check_status(status: int) -> None:
    if status == HTTPStatus.OK:
        return
    is_passing = status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500
    kind = _Hiccup if is_passing else _NotTaken
    raise kind(f"Discord answered {status} when asked for it")


def _with_files(
    said: InboundMessage, kept: Sequence[Attachment], missing: Sequence[_Missing]
) -> InboundMessage:
    notes = [f"[file not taken in – {each.sentence}]" for each in missing]
    return replace(said, text="\n".join([said.text, *notes]), attachments=tuple(kept))


def _sentence(missing: Sequence[_Missing]) -> str | None:
    if not missing:
        return None
    return "I could not take in:\n" + "\n".join(f"- {each.sentence}" for each in missing)
