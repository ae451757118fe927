"""One call to Slack's Web API is one HTTP request, and ends in one of our errors when it fails."""
# slack_sdk leaves the types of what it takes and gives open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.failures import failure_of
from adapters.slack.wire import Wire
from gateway.errors import OutcomeUnknown, PosternError, RetryLater

Shape = TypeVar("Shape", bound=Wire)

Json = Mapping[str, Any]
"""JSON from and for Slack: its values are checked where they are used."""


async def write(client: AsyncWebClient, method: str, args: Json) -> Json:
    """Change something.

    Raises RetryLater (surely not done), OutcomeUnknown (perhaps done) or
    SlackRefused (never will be).
    """
    return await _carry_out(client, method, is_write=True, json=dict(args))


async def submit(client: AsyncWebClient, method: str, args: Json) -> Json:
    """Change something by a method that takes no JSON (oauth.v2.access). Raises as `write`."""
    return await _carry_out(client, method, is_write=True, data=dict(args))


async def read(client: AsyncWebClient, method: str, args: Json) -> Json:
    """Ask something. Raises RetryLater (later, perhaps) or SlackRefused (never)."""
    return await _carry_out(client, method, is_write=False, params=dict(args))


def answered(shape: type[Shape], method: str, answer: Json) -> Shape:
    """Read an answer that was told to be a success. Raises OutcomeUnknown for an odd one."""
    try:
        return shape.model_validate(answer)
    except ValueError as error:
        raise OutcomeUnknown(f"Slack's answer to {method} is not what it describes.") from error


async def _carry_out(
    client: AsyncWebClient, method: str, *, is_write: bool, **request: dict[str, Any]
) -> Json:
    try:
        answer = await client.api_call(
            method, http_verb="POST" if is_write else "GET", files=None, **request
        )
    except SlackApiError as error:
        raise _failure(method, error, is_write=is_write) from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise RetryLater(f"Slack can not be reached for {method}: {error!r}.") from error
    except (aiohttp.ClientError, OSError) as error:
        what = f"The connection broke during {method}: {error!r}."
        raise (OutcomeUnknown(what) if is_write else RetryLater(what)) from error
    return cast("Json", answer.data)  # bytes only for files, which are not called for here


def _failure(method: str, error: SlackApiError, *, is_write: bool) -> PosternError:
    """Read a failure; its response is a parsed one, or aiohttp's when the body was no JSON."""
    response = error.response
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    retry_after = response.headers.get("Retry-After")
    return failure_of(method, status, code, retry_after, is_write=is_write)
