"""Whether the app may write at a place, asked before there is anything to write."""

from __future__ import annotations

import asyncio

from adapters.slack.calls import SlackCalls
from adapters.slack.failures import SlackRefused
from adapters.slack.options import Options
from adapters.slack.workspaces import Workspaces
from gateway.domain.conversations import Conversation
from gateway.errors import DeliveryRefused, PosternError
from gateway.ports import Clock, Store

_PATIENCE_SECONDS = 5.0
_REASONS = {
    "channel_not_found": "Slack knows no such channel, or hides it from the app: invite it there.",
    "not_in_channel": "The app is not in the channel: invite it there.",
}


async def why_not(options: Options, store: Store, clock: Clock, place: Conversation) -> str | None:
    """Return why nothing can be posted there; None where it can, or Slack does not say now.

    It asks for the channel's history, which takes what posting takes: being a member.
    """
    workspaces = Workspaces(options, store, clock)
    question = {"channel": place.channel, "limit": 1}
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await SlackCalls(workspaces).read(place.workspace, "conversations.history", question)
    except SlackRefused as error:
        return _REASONS.get(error.code)
    except DeliveryRefused as error:
        return str(error)
    except (PosternError, TimeoutError):
        return None
    finally:
        await workspaces.close()
    return None
