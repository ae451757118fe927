"""Brings schedules to what the settings say, when a gateway starts."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import replace

from gateway.domain.schedules import NewSchedule
from gateway.errors import BadInput
from gateway.ports import Clock, Store
from scheduler.desk import Desk, id_of

log = logging.getLogger(__name__)

_SUBJECT = "settings"
_TAKEN = "wakeups"


class SettingsDesk:
    """Makes the schedules of the settings, and pauses those that were taken out.

    One that has not changed is left alone, with whatever people did to it since.
    """

    def __init__(self, desk: Desk, store: Store, clock: Clock) -> None:
        self._desk = desk
        self._store = store
        self._clock = clock

    async def take(self, wishes: Sequence[NewSchedule]) -> list[str]:
        """Make, change and pause schedules; returns a sentence for each that is refused."""
        text = await self._store.notes.get(_SUBJECT, _TAKEN)
        before: dict[str, str] = json.loads(text) if text else {}
        taken: dict[str, str] = {}
        refused: list[str] = []
        for wish in wishes:
            try:
                taken[id_of(wish.name)] = await self._take(wish, before)
            except BadInput as error:
                refused.append(f'The wakeup "{wish.name}" of the settings is not taken: {error}')
        for name in before.keys() - taken.keys():
            await self._pause(name)
        await self._store.notes.put(_SUBJECT, _TAKEN, json.dumps(taken))
        return refused

    async def _take(self, wish: NewSchedule, before: dict[str, str]) -> str:
        """Make or change one; returns the digest of the wish."""
        name = id_of(wish.name)
        digest = hashlib.blake2b(repr(wish).encode(), digest_size=8).hexdigest()
        known = await self._store.schedules.get(name)
        if known is not None and name not in before:
            raise BadInput(f'a schedule "{name}" was made in another way; remove or rename one.')
        if known is None or before[name] != digest:
            await self._desk.put(await self._desk.checked(wish, self._clock.now()))
        return digest

    async def _pause(self, name: str) -> None:
        known = await self._store.schedules.get(name)
        if known is not None and not known.is_paused:
            await self._desk.put(replace(known, is_paused=True))
            log.info("schedule_left_the_settings", extra={"schedule": name})
