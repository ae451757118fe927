"""Files that come in: fetched from Slack with the app's token, within limits, and kept.

Source: docs.slack.dev/reference/objects/file-object. A wrong token gets 200 and the page where
people sign in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from adapters.slack.calls import SlackCalls
from adapters.slack.options import Options
from adapters.slack.recent import Recent
from adapters.slack.wire import File
from gateway.domain.artifacts import Attachment, attachment_key
from gateway.domain.messages import InboundMessage
from gateway.errors import BadInput, PosternError, RetryLater, StoreUnavailable
from gateway.ports import ArtifactStore

MOST_FILES = 25
_AT_ONCE = 4
"""Files in memory at the same time, whoever sends them."""
_OPEN_LIMIT = 200
"""Messages whose files are on their way."""
_CHUNK_BYTES = 64 * 1024
_TRIES = 2
_HTML = "text/html"


class _NotTaken(Exception):
    """A file stays out; the words follow upon its name."""


class _Hiccup(_NotTaken):
    """Another try may get it."""


@dataclass(slots=True)
class _Job:
    """The files of one message on their way; what is repeated meanwhile waits for the same."""

    message: InboundMessage
    files: Sequence[File]
    kept: list[Attachment] = field(default_factory=list[Attachment])
    missing: list[str] = field(default_factory=list[str])
    done: asyncio.Event = field(default_factory=asyncio.Event)
    is_told: bool = False


class Downloads:
    """Takes in the files of a message before it is stored, so that it is stored with them.

    Slack wants its 200 within three seconds. What takes longer goes on, and Slack is
    told to send the event again; only at its last try is the message stored without.
    """

    def __init__(self, calls: SlackCalls, artifacts: ArtifactStore, options: Options) -> None:
        self._calls = calls
        self._artifacts = artifacts
        self._options = options
        self._hosts = {urlsplit(options.api_url).netloc}
        self._jobs: Recent[str, _Job] = Recent(1_000)
        self._new: asyncio.Queue[_Job] = asyncio.Queue()
        self._open = 0
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._fetch_all(await self._new.get()))

    def begin(self, message: InboundMessage, files: Sequence[File]) -> None:
        """Start to fetch, unless that was begun. Raises RetryLater when too many wait."""
        key = message.idempotency_key
        if self._jobs.get(key) is not None:
            return
        if self._open >= _OPEN_LIMIT:
            raise RetryLater("Too many files are on their way.")
        job = _Job(message, files)
        self._open += 1
        self._jobs.put(key, job)
        self._new.put_nowait(job)

    async def take_in(
        self, message: InboundMessage, files: Sequence[File], *, is_last_try: bool
    ) -> tuple[InboundMessage, str | None]:
        """Return the message with its files, and what its sender is told if some stay out.

        Raises RetryLater when they are not there yet, and Slack will send the event again.
        """
        self.begin(message, files)
        job = self._jobs.get(message.idempotency_key)
        if job is None:  # nobody else's task has run since `begin`
            raise RetryLater("Too many files are on their way.")
        try:
            async with asyncio.timeout(self._options.file_wait_seconds):
                await job.done.wait()
        except TimeoutError:
            if not is_last_try:
                raise RetryLater("The files of a message are still on their way.") from None
            missing = [f"{_name(file)}: it did not come in time." for file in files]
            return _with_files(message, [], missing), _sentence(missing)
        told, job.is_told = job.is_told, True
        sentence = None if told else _sentence(job.missing)
        return _with_files(message, job.kept, job.missing), sentence

    async def _fetch_all(self, job: _Job) -> None:
        job.missing += [f"{_name(file)}: it is one too many." for file in job.files[MOST_FILES:]]
        for index, file in enumerate(job.files[:MOST_FILES]):
            try:
                async with self._room:
                    job.kept.append(await self._keep(job.message, index, file))
            except _NotTaken as error:
                job.missing.append(f"{_name(file)}: {error}.")
        self._open -= 1
        job.done.set()

    async def _keep(self, message: InboundMessage, index: int, file: File) -> Attachment:
        team = message.conversation.workspace
        file = await self._looked_up(team, file)
        self._check(file)
        data = await self._fetch(team, file)
        key = attachment_key(message.sender.identity, message.event_id, index, _name(file))
        try:
            made = await self._artifacts.save(key, data, file.media_type)
        except BadInput as error:
            raise _NotTaken(str(error).rstrip(".")) from error
        except StoreUnavailable as error:
            raise _NotTaken("it could not be kept just now") from error
        return Attachment(_name(file), made.media_type, made.size_bytes, made.key)

    async def _looked_up(self, team: str, file: File) -> File:
        """Ask for what the event does not say yet: shared channels, and files being checked."""
        if file.file_access != "check_file_info" and file.address:
            return file
        if file.id is None:
            raise _NotTaken("Slack does not say where it is")
        try:
            answer = await self._calls.read(team, "files.info", {"file": file.id})
            return File.model_validate(answer["file"])
        except (PosternError, ValueError, KeyError) as error:
            raise _NotTaken("Slack does not say where it is") from error

    def _check(self, file: File) -> None:
        most = self._options.attachment_bytes
        if file.mode == "external" or not file.address:
            raise _NotTaken("it is kept outside of Slack")
        if (file.size or 0) > most:
            raise _NotTaken(f"it has {file.size:,} bytes, and {most:,} are the most")
        kind = file.media_type or "application/octet-stream"
        if not any(fnmatchcase(kind, pattern) for pattern in self._options.attachment_types):
            raise _NotTaken(f"files of the type {kind} are not taken in here")
        if not self._is_slack_s(file.address):
            raise _NotTaken("it is not at an address of Slack")

    def _is_slack_s(self, address: str) -> bool:
        """Whether the app's token may be sent there."""
        try:
            url = urlsplit(address)
        except ValueError:
            return False
        if url.netloc in self._hosts:
            return True
        host = url.hostname or ""
        return url.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))

    async def _fetch(self, team: str, file: File) -> bytes:
        for _ in range(_TRIES - 1):
            try:
                return await self._read(team, file)
            except _Hiccup:
                continue
        return await self._read(team, file)

    async def _read(self, team: str, file: File) -> bytes:
        try:
            token = await self._calls.workspaces.token(team)
            headers = {"Authorization": f"Bearer {token}"}
            session = self._calls.workspaces.session()
            timeout = aiohttp.ClientTimeout(total=self._options.file_seconds)
            async with session.get(
                file.address, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                _check_status(answer.status)
                data = await self._within_limit(answer)
                _check_contents(answer.content_type, data, file)
        except (aiohttp.ClientError, OSError, PosternError, TimeoutError) as error:
            raise _Hiccup("Slack did not hand it over") from error
        return data

    async def _within_limit(self, answer: aiohttp.ClientResponse) -> bytes:
        """Read it in pieces, for what Slack says of its size is only what it says."""
        data = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
            data += chunk
            if len(data) > self._options.attachment_bytes:
                raise _NotTaken("it is larger than Slack said")
        return bytes(data)


def _check_status(status: int) -> None:
    if status == 200:
        return
    kind = _Hiccup if status == 429 or status >= 500 else _NotTaken
    raise kind(f"Slack answered {status} when asked for it")


def _check_contents(media_type: str, data: bytes, file: File) -> None:
    """Refuse the page where people sign in; a page that was shared has the size it should have."""
    is_page_expected = file.mimetype == _HTML and len(data) == file.size
    if media_type == _HTML and not is_page_expected:
        raise _NotTaken("Slack does not show it to the app, which may lack a scope")


def _with_files(
    message: InboundMessage, kept: Sequence[Attachment], missing: Sequence[str]
) -> InboundMessage:
    notes = [f"[file not taken in – {sentence}]" for sentence in missing]
    said = [message.text] if message.text else [f"[file: {each.name}]" for each in kept]
    text = "\n".join([*said, *notes])
    changes: dict[str, Any] = {"text": text, "attachments": tuple(kept)}
    return replace(message, **changes)


def _sentence(missing: Sequence[str]) -> str | None:
    if not missing:
        return None
    return "I could not take in:\n" + "\n".join(f"- {sentence}" for sentence in missing)


def _name(file: File) -> str:
    name = "".join(sign for sign in file.name or "" if sign.isprintable())
    return name[:200] or "a file without a name"
