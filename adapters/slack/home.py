"""The app's Home tab: how things are, and what can be asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.slack.calls import SlackCalls
from adapters.slack.forms import ASK
from adapters.slack.options import Options
from adapters.slack.web_api import Json
from gateway.domain.commands import CommandSpec, Tier
from gateway.errors import PosternError
from gateway.ports import HistoryStore, StoreCounts
from gateway.text.mrkdwn import escape_mrkdwn

log = logging.getLogger(__name__)

WAITING_LIMIT = 1_000
_SECTION_CHARACTERS = 3_000


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody looks at the Home tab."""

    team: str
    user: str


class Homes:
    """Publishes the tab for whoever opens it (`views.publish`), one after the other."""

    def __init__(self, calls: SlackCalls, history: HistoryStore, options: Options) -> None:
        self._calls = calls
        self._history = history
        self._commands = options.commands
        self._waiting: asyncio.Queue[Visit] = asyncio.Queue(WAITING_LIMIT)

    def show(self, visit: Visit) -> None:
        """Bring it up to date soon; of too many at once some are left as they were."""
        if not self._waiting.full():
            self._waiting.put_nowait(visit)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            visit = await self._waiting.get()
            try:
                view = home_of(await self._history.counts(), self._commands)
                args = {"user_id": visit.user, "view": view}
                await self._calls.write(visit.team, "views.publish", args)
            except PosternError as error:
                log.info("home_not_shown", extra={"error": str(error)})


def home_of(counts: StoreCounts, commands: Sequence[CommandSpec]) -> Json:
    """Return the tab. Pure."""
    status = (
        f"*How it is now*\nTurns: {counts.turns_running} running, {counts.lanes_ready} waiting\n"
        f"Messages on their way out: {counts.deliveries_open}"
    )
    listed = [one for one in commands if one.name != "ask" and one.tier is not Tier.ADMIN]
    verbs = [f"`/postern {one.name}` {one.description}" for one in listed]
    ask = "Write in the Messages tab, mention me in a channel, or press the button."
    button = {
        "type": "button",
        "action_id": ASK,
        "text": {"type": "plain_text", "text": "Ask my agent"},
        "style": "primary",
    }
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Your agent"}},
            {**_section(ask), "accessory": button},
            {"type": "divider"},
            _section(status),
            *([_section(_within_a_section(verbs))] if verbs else []),
        ],
    }


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _within_a_section(lines: Sequence[str]) -> str:
    shown = "*What you can ask for*"
    for line in lines:
        longer = f"{shown}\n{escape_mrkdwn(line)}"
        if len(longer) > _SECTION_CHARACTERS:
            break
        shown = longer
    return shown
