"""Plugs together who may talk, and who tells which roles people have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from gateway.bootstrap.choices import access_policy, named_circles, secret
from gateway.domain.circles import Circle
from gateway.domain.people import Identity
from gateway.errors import RetryLater
from gateway.ports import Clock, Store
from gateway.rights.access import Access
from gateway.rights.circles import Circles
from gateway.settings import Settings

if TYPE_CHECKING:
    from adapters.slack.usergroups import Usergroups


def make_access(
    settings: Settings, store: Store, clock: Clock, circles: Circles | None = None
) -> Access:
    """Return who decides whom the gateway hears."""
    known = circles or make_circles(settings, store, clock)
    return Access(access_policy(settings), store.people, clock, known)


def make_circles(settings: Settings, store: Store, clock: Clock) -> Circles:
    """Return who knows the roles and usergroups that the settings name, also without an adapter."""
    named = named_circles(settings)
    return Circles(named, _Asked(settings, store, clock).circles_of) if named else Circles()


class _Asked:
    """Asks the platform that a circle is of."""

    def __init__(self, settings: Settings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._usergroups: Usergroups | None = None

    async def circles_of(self, identity: Identity, circles: Sequence[Circle]) -> Collection[str]:
        """Return those of the circles that the account is in; see `AskCircles`."""
        settings = self._settings
        match circles[0].platform:
            case "discord" if settings.discord.token is not None:
                from adapters.discord import roles

                discord = settings.discord
                return await roles.circles_of(
                    discord.api_url, secret(discord.token), identity, circles
                )
            case "slack" if settings.slack.is_on:
                return await self._of_slack().circles_of(identity, circles)
            case platform:
                raise RetryLater(f"{platform.title()} is off, and tells nothing.")

    def _of_slack(self) -> Usergroups:
        if self._usergroups is None:
            from adapters.slack.usergroups import Usergroups
            from gateway.bootstrap.doors import slack_options

            options = slack_options(self._settings)
            self._usergroups = Usergroups(options, self._store, self._clock)
        return self._usergroups
