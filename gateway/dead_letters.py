"""What the operator can do about what was given up: look, have it done again, or let it go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gateway.domain.dead_letters import DeadDelivery, DeadLetter, DeadTurn, Verdict
from gateway.domain.messages import AGAIN, InboundMessage
from gateway.domain.people import Route, beside_of, mode_of
from gateway.errors import BadInput
from gateway.ports import Clock, Store


class DeadLetters:
    """Deals with dead letters; every step can be repeated after a crash without a second effect."""

    def __init__(self, store: Store, routes: Mapping[str, Route], clock: Clock) -> None:
        self._store = store
        self._routes = routes
        self._clock = clock

    async def page(self, limit: int) -> list[DeadLetter]:
        """List the oldest of them."""
        return await self._store.dead_letters.page(limit)

    async def get(self, letter: str) -> DeadLetter:
        """Return one; raises BadInput when it is not on the list."""
        found = await self._store.dead_letters.get(letter)
        if found is None:
            raise BadInput(
                f'There is no dead letter "{letter}". `postern dead-letters list` shows all.'
            )
        return found

    async def replay(self, letter: DeadLetter) -> None:
        """Have it done again: a turn answers its messages anew, a delivery is sent again.

        The messages of a turn come in once more under event ids of their own, so
        that its agent does not take them for those that it has failed at. Raises
        BadInput where nothing is left that could be done again.
        """
        match letter:
            case DeadTurn():
                await self._answer_again(letter)
            case DeadDelivery():
                _check_text(letter)
                await self._store.dead_letters.resend(letter, self._clock.now())

    async def drop(self, letter: DeadLetter) -> None:
        """Let it go. What was said about it before stays as it is."""
        now = self._clock.now()
        match letter:
            case DeadTurn():
                await self._store.dead_letters.close(letter, Verdict.DROPPED, now)
            case DeadDelivery():
                await self._store.dead_letters.drop(letter, now)

    async def _answer_again(self, turn: DeadTurn) -> None:
        _check_text(turn)
        route, now = self._route(turn), self._clock.now()
        for message in turn.messages:
            await self._store.turns.accept(_again(message), route, now)
        await self._store.dead_letters.close(turn, Verdict.REPLAYED, now)

    def _route(self, turn: DeadTurn) -> Route:
        role = turn.lane.rpartition("/")[2]
        try:
            route = replace(self._routes[role], mode=mode_of(turn.lane))
        except KeyError:
            raise BadInput(
                f'"{turn.id}" was for the agent "{role}", which is not in the settings any more. '
                "Add it again, or drop the dead letter."
            ) from None
        return replace(route, beside=beside_of(turn.lane))


def _again(message: InboundMessage) -> InboundMessage:
    return replace(message, event_id=f"{message.event_id}{AGAIN}")


def _check_text(letter: DeadLetter) -> None:
    if not letter.text:
        raise BadInput(
            f'The text of "{letter.id}" was dropped by retention; it can only be dropped.'
        )
