"""Who listens to recordings, as the settings name them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gateway.bootstrap.choices import secret
from gateway.ports import ArtifactStore
from gateway.settings import Settings
from gateway.transcripts import ListeningLimits, Transcripts


@asynccontextmanager
async def opened_ears(
    settings: Settings, artifacts: ArtifactStore
) -> AsyncGenerator[Transcripts | None]:
    """Yield what is said in recordings; None where nobody is to listen."""
    transcription = settings.transcription
    if transcription.server_url is None:
        yield None
        return
    from agents.openai_transcriber import TranscriberOptions, open_transcriber

    options = TranscriberOptions(
        transcription.server_url, transcription.model, secret(transcription.api_key)
    )
    limits = ListeningLimits(transcription.limit_bytes, transcription.timeout_seconds)
    async with open_transcriber(options) as transcriber:
        yield Transcripts(transcriber, artifacts, limits)
