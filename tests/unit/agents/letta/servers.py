"""The Letta servers that agents, templates and memory are tried on."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from agents.embedded import EmbeddedOptions
from agents.embedded.server import serve
from agents.letta import LettaOptions

SERVERS = ["embedded", *(["live"] if "POSTERN_TEST_LETTA_URL" in os.environ else [])]

OTHER_MODEL = os.environ.get("POSTERN_TEST_LETTA_OTHER_MODEL", "openai-proxy/gpt-4.1")
"""Handle of a model that no agent of the tests has for its own; the embedded server takes any."""


@asynccontextmanager
async def serving(server: str, folder: Path) -> AsyncGenerator[LettaOptions]:
    """Yield how the server is reached; on one of somebody's, nothing that is there is found."""
    if server == "live":
        yield LettaOptions(
            base_url=os.environ["POSTERN_TEST_LETTA_URL"],
            api_key=os.environ.get("POSTERN_TEST_LETTA_KEY", ""),
            model=os.environ.get("POSTERN_TEST_LETTA_MODEL"),
            embedding=os.environ.get("POSTERN_TEST_LETTA_EMBEDDING"),
            tag_prefix=f"postern-test-{uuid.uuid4().hex}",
        )
        return
    async with serve(EmbeddedOptions(folder / "letta.db", token="t", scripted=True)) as url:
        yield LettaOptions(base_url=url, api_key="t")
