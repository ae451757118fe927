"""What calls of the real slack_sdk came to: a body, or the error that Slack names."""
# slack_sdk leaves many of its own types open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from collections.abc import Awaitable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

Payload = dict[str, Any]  # Any: JSON from Slack


async def answered(call: Awaitable[AsyncSlackResponse]) -> Payload:
    """The body that the call was answered with."""
    body = (await call).data
    assert isinstance(body, dict)
    return body


async def refusal(call: Awaitable[object]) -> str:
    """The `error` that the call was refused with."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])
