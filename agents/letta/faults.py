"""What Letta's refusals and failures mean to us. Pure: no calls are made here.

Our own error types are all kinds of RuntimeUnavailable, so that one which is not dealt with
inside the adapter is still the right thing for the gateway: call again later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeGuard

import httpx
from letta_client import APIConnectionError, APIError, APIStatusError

from gateway.domain.ids import RunId
from gateway.errors import PosternError, RunFailed, RuntimeUnavailable

Json = dict[str, Any]
"""An object off the wire: Any, because nobody has checked what is in it."""


class StreamBroken(RuntimeUnavailable):
    """The connection ended before the run did."""


class StreamGarbled(StreamBroken):
    """What came can not be Letta."""


class NotThere(RuntimeUnavailable):
    """Letta says that it has no such thing. It may be wrong: nothing is made anew for it."""


class StreamRestarted(RuntimeUnavailable):
    """The server did a part of the run anew: what was said of it is void, all is to be reheard."""

    def __init__(self) -> None:
        super().__init__("Letta began a part of the run anew.", retry_after_seconds=0.0)


class StreamGone(RuntimeUnavailable):
    """The run's stream can not be heard any more; its record may still be there."""


class ThreadBusy(RuntimeUnavailable):
    """Another run is under way in this thread."""

    def __init__(self, run: RunId | None) -> None:
        super().__init__("The agent is busy with another run in this conversation.")
        self.run = run


class AlreadyThere(RuntimeUnavailable):
    """What was to be made or attached is there: somebody else was faster."""


class CallsPending(RuntimeUnavailable):
    """The thread waits for the results of tool calls and takes nothing else."""

    def __init__(self, *, is_key_used: bool) -> None:
        super().__init__("The agent waits for the results of its tools.")
        self.is_key_used = is_key_used
        """Whether the refusal was a run of its own: then its otid leads to it for ever."""


_SENTENCES: Mapping[str, str] = {
    "llm_error": "the language model behind the agent failed. Please try again.",
    "llm_api_error": "the language model behind the agent failed. Please try again.",
    "llm_timeout": "the language model behind the agent took too long. Please try again.",
    "llm_rate_limit": "the language model has too much to do. Please try again in a minute.",
    "llm_authentication": "the language model refused the agent's credentials.",
    "llm_bad_request": "the language model did not accept the conversation as it is.",
    "llm_empty_response": "the language model had nothing to say. Please try again.",
    "invalid_llm_response": "the language model gave an answer that makes no sense.",
    "unknown_model": "the agent's server does not have its model. `/model` may choose another.",
    "insufficient_credits": "the credits of the agent's account are used up.",
    "context_window_overflow_in_system_prompt": "the agent's memory is too full for its model.",
    "stream_task_cancelled": "the agent's server was restarted meanwhile. Please try again.",
}
_NO_HANDLE = re.compile(r"\bHandle \S+ not found")
"""What Letta 0.16.8 says of a model that it does not know; the rest of its 404s are of ids."""
_NOT_UNIQUE = "unique constraint was violated"
"""What Letta 0.16.8 says of what is there already; the rest of its 409s are of runs."""
_RUN_ID = re.compile(r"run-[0-9a-f-]{36}")


def failed(kind: str) -> RunFailed:
    """Return the failure of a run, with a sentence for the person who asked."""
    sentence = _SENTENCES.get(kind, f"the agent's run ended in an error ({kind}).")
    return RunFailed(sentence, kind=kind)


def is_pending_approval(detail: object) -> bool:
    """Whether this refusal says that tool calls wait.

    Letta 0.16.8 says it as a code under HTTP 409, and in a background stream only as the
    sentence of an `internal_error`.
    """
    text = json.dumps(detail, default=str)
    return "PENDING_APPROVAL" in text or "waiting for approval" in text


def is_json(value: object) -> TypeGuard[Json]:
    """Whether this is an object of JSON."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether this is an array of JSON."""
    return isinstance(value, list)


def translate(error: APIError | httpx.HTTPError | httpx.StreamError) -> PosternError:
    """Return our error for one of letta-client or httpx."""
    if isinstance(error, APIStatusError):
        return _translate_status(error)
    if isinstance(error, APIConnectionError):
        return StreamBroken(f"Letta can not be reached: {error.__cause__ or error}")
    if isinstance(error, httpx.HTTPError | httpx.StreamError):
        return StreamBroken(f"The connection to Letta broke: {error or type(error).__name__}")
    return StreamGarbled(f"Letta's answer makes no sense: {error}")


def _translate_status(error: APIStatusError) -> PosternError:
    status, body = error.status_code, error.body
    if status == 409:
        return _translate_conflict(body)
    if status == 404 and is_json(body) and _NO_HANDLE.search(str(body.get("detail"))):
        return failed("unknown_model")
    if status == 404 and is_json(body) and "detail" in body:
        return NotThere(f"Letta does not have it: {body['detail']}")
    if status == 410:
        return StreamGone("Letta no longer keeps the stream of this run.")
    if status in (401, 402, 403):
        return RuntimeUnavailable(
            f"Letta refuses to serve us (HTTP {status}). Check LETTA_API_KEY and the account.",
            retry_after_seconds=60.0,
        )
    if status in (400, 413, 415, 422):
        return RunFailed(f"the agent's server did not accept it ({status}).", kind=f"http_{status}")
    return RuntimeUnavailable(
        f"Letta answered with HTTP {status}.",
        retry_after_seconds=retry_after(error.response.headers),
    )


def _translate_conflict(body: object) -> PosternError:
    if is_pending_approval(body):
        return CallsPending(is_key_used=False)
    if is_json(body) and _NOT_UNIQUE in str(body.get("detail")):
        return AlreadyThere("Letta has this already.")
    found = _RUN_ID.search(json.dumps(body, default=str))
    return ThreadBusy(RunId(found.group()) if found else None)


@contextmanager
def agent_exists() -> Generator[None]:
    """Turn Letta's word that it has no such agent into one for the person."""
    try:
        yield
    except NotThere as error:
        raise RunFailed("your agent can not be found.", kind="not_found") from error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the server asked to wait; dates are left aside."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "")
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value) * unit
    return None
