"""Who is asked whether something can be posted at a place, also where no adapter runs."""

from __future__ import annotations

from gateway.bootstrap.choices import secret
from gateway.domain.conversations import Conversation
from gateway.ports import Clock, Store, WhyNot
from gateway.settings import Settings


def make_why_not(settings: Settings, store: Store, clock: Clock) -> WhyNot:
    """Return who asks the platform that a place is on; of one that is off, nobody is asked."""

    async def why_not(place: Conversation) -> str | None:
        match place.platform:
            case "discord" if settings.discord.token is not None:
                from adapters.discord import reach

                discord = settings.discord
                return await reach.why_not(discord.api_url, secret(discord.token), place)
            case "slack" if settings.slack.is_on:
                from adapters.slack.reach import why_not as ask_slack
                from gateway.bootstrap.doors import slack_options

                return await ask_slack(slack_options(settings), store, clock, place)
            case _:
                return None

    return why_not
