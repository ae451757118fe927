"""What the App Server's errors mean to us. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agents.app_server.wire import Json, object_at, text_at
from gateway.errors import RunFailed

INTERRUPTED = "it was interrupted in the middle of the answer. Please ask again."
_MODEL_FAILED = "the language model behind the agent failed. Please try again."
_KINDS = {"local_backend_error": "llm_error"}
"""Its own word for whatever the model's endpoint did wrong; the port's word for the same."""


def is_wedge(trouble: Sequence[Json]) -> bool:
    """Whether the conversation is stuck with a run that was cut off and never ends."""
    return "already has an active run" in json.dumps(trouble)


def failure_of(trouble: Sequence[Json]) -> RunFailed:
    """Return the failure of a turn, out of all the frames that spoke of it."""
    kinds = [text_at(frame, "error_type") for frame in trouble]
    kinds += [text_at(object_at(frame, "api_error"), "error_type") for frame in trouble]
    kind = next((kind for kind in kinds if kind), "error")
    kind = _KINDS.get(kind, kind)
    if kind.startswith("llm_"):
        return RunFailed(_MODEL_FAILED, kind=kind)
    return RunFailed(f"the agent's run ended in an error ({kind}).", kind=kind)
