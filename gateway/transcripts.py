"""What is said in the recordings of a turn: written down once, and kept beside them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from itertools import islice
from weakref import WeakValueDictionary

from gateway.domain.artifacts import Attachment, Heard, NotHeard, Transcript, transcript_key
from gateway.domain.turns import Turn
from gateway.errors import BadInput, Refused, RetryLater, StoreUnavailable
from gateway.ports import ArtifactStore, Transcriber

log = logging.getLogger(__name__)

MOST = 8
"""Recordings of one turn; all are named anyway."""
MOST_ATTEMPTS = 5
"""Attempts of a turn in which somebody is asked to listen: each may cost something."""
_AGAIN_AFTER = (1.0,)
"""Seconds between the tries of one attempt."""
_AT_ONCE = 8
"""Recordings in memory at the same time, whoever sent them."""


@dataclass(frozen=True, slots=True)
class ListeningLimits:
    """How much is listened to, and for how long."""

    recording_bytes: int = 25_000_000
    turn_seconds: float = 60.0
    """For all recordings of a turn together: its lane waits for no longer."""


class Transcripts:
    """Has recordings written down, each once: a repeat of the turn reads what is kept.

    What can not be heard holds nothing up: the agent is told why. Two agents that are
    told the same words, in one process, share one transcript.
    """

    def __init__(
        self, transcriber: Transcriber, artifacts: ArtifactStore, limits: ListeningLimits
    ) -> None:
        self._transcriber = transcriber
        self._artifacts = artifacts
        self._limits = limits
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._alone: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def of(self, turn: Turn) -> dict[str, Heard]:
        """Return what is known of each recording, by its artifact; raises StoreUnavailable."""
        files = (file for message in turn.messages for file in message.attachments)
        recordings = (file for file in files if file.is_recording)
        late = asyncio.get_running_loop().time() + self._limits.turn_seconds
        heard: dict[str, Heard] = {}
        for file in islice(recordings, MOST):
            heard[file.artifact] = await self._hear(file, turn, late)
        return heard | {file.artifact: NotHeard("it is one too many") for file in recordings}

    async def _hear(self, file: Attachment, turn: Turn, late: float) -> Heard:
        try:
            return await self._read_or_write(file, turn, late)
        except StoreUnavailable:
            raise
        except TimeoutError:
            reason = "it took too long"
        except (RetryLater, Refused) as error:
            reason = str(error)
        log.warning("recording_not_heard", extra={"artifact": file.artifact, "reason": reason})
        return NotHeard(reason)

    async def _read_or_write(self, file: Attachment, turn: Turn, late: float) -> Transcript:
        key = transcript_key(file.artifact)
        alone = self._alone.setdefault(key, asyncio.Lock())
        async with asyncio.timeout_at(late) as limit, alone:
            kept = await self._artifacts.load(key)
            if kept is not None:
                return Transcript(kept.data.decode(errors="replace"), key)
            self._check(file, turn)
            text = await self._written_down(file)
            limit.reschedule(None)  # it is paid for, so it is kept however long that takes
            await self._keep(key, text)
            return Transcript(text, key)

    def _check(self, file: Attachment, turn: Turn) -> None:
        """Refuse what is not to be listened to, or not again."""
        most = self._limits.recording_bytes
        if file.size_bytes > most:
            raise Refused(f"it has {file.size_bytes:,} bytes, and {most:,} are the most")
        if turn.runs:
            raise Refused("it could not be done when it came")
        if turn.attempt > MOST_ATTEMPTS:
            raise Refused("that was tried too often")

    async def _written_down(self, file: Attachment) -> str:
        async with self._room:
            contents = await self._artifacts.load(file.artifact)
            if contents is None:
                raise Refused("it is not kept any more")
            for wait in _AGAIN_AFTER:
                try:
                    return await self._transcriber.transcribe(contents.data)
                except RetryLater:
                    await asyncio.sleep(wait)
            return await self._transcriber.transcribe(contents.data)

    async def _keep(self, key: str, text: str) -> None:
        """Keep it if that can be; the words are there for this attempt either way."""
        try:
            await self._artifacts.save(key, text.encode(), "text/plain")
        except (BadInput, StoreUnavailable) as error:
            log.warning("transcript_not_kept", extra={"artifact": key, "reason": str(error)})
