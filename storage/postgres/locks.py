"""The order in which rows are locked: lanes first, then outboxes, each in the order of their ids.

Whatever changes a lane's messages or turn holds the lane's row, and whatever changes what a
conversation has to send holds its outbox row. What is looked at after the lock, in a statement
of its own, is therefore the newest.
"""

from __future__ import annotations

from collections.abc import Collection

from gateway.domain.conversations import Conversation
from gateway.domain.turns import TurnRef
from gateway.errors import Fenced
from storage.postgres.database import Row, Transaction
from storage.rules import Standing

# Whoever accepts messages shares this lock until the commit; who forgets a person takes it alone,
# so that no message comes in under a name that is just being dropped. It is the first lock of all.
ARRIVE = "SELECT pg_advisory_xact_lock_shared(1349481333, hashtext(current_schema()))"
STOP_ARRIVALS = "SELECT pg_advisory_xact_lock(1349481333, hashtext(current_schema()))"

ADD_LANES = """
INSERT INTO mailbox (lane, state, fence) SELECT lane, 0, 0 FROM unnest($1::text[]) AS new (lane)
ON CONFLICT (lane) DO NOTHING
"""
LOCK_LANES = """
SELECT lane, state, fence, turn FROM mailbox WHERE lane = ANY($1::text[]) ORDER BY lane FOR UPDATE
"""
ADD_OUTBOXES = """
INSERT INTO outbox (conversation, platform, state, fence)
SELECT conversation, platform, 0, 0
FROM unnest($1::text[], $2::text[]) AS new (conversation, platform)
ON CONFLICT (conversation) DO NOTHING
"""
LOCK_OUTBOXES = """
SELECT conversation, state, fence FROM outbox WHERE conversation = ANY($1::text[])
ORDER BY conversation FOR UPDATE
"""


async def lock_lanes(
    tx: Transaction, lanes: Collection[str], *, may_be_new: bool = False
) -> dict[str, Row]:
    """Hold the lanes until the commit; return them by id."""
    wanted = sorted(set(lanes))
    if may_be_new:
        await tx.count(ADD_LANES, wanted)
    return {row["lane"]: row for row in await tx.fetch(LOCK_LANES, wanted)}


async def lock_outboxes(tx: Transaction, places: Collection[Conversation]) -> dict[str, Row]:
    """Make the conversations' outboxes where there are none, and hold them until the commit."""
    platforms = {place.id: place.platform for place in places}
    wanted = sorted(platforms)
    await tx.count(ADD_OUTBOXES, wanted, [platforms[place] for place in wanted])
    return {row["conversation"]: row for row in await tx.fetch(LOCK_OUTBOXES, wanted)}


async def lock_held(tx: Transaction, turn: TurnRef) -> None:
    """Hold the turn's lane; raises Fenced when the turn does not hold it."""
    lanes = await lock_lanes(tx, [turn.lane])
    if not is_held(lanes, turn):
        raise fenced(turn)


def is_held(lanes: dict[str, Row], turn: TurnRef) -> bool:
    """Say whether the lane is the turn's, by its newest fence."""
    lane = lanes.get(turn.lane)
    return lane is not None and (lane["state"], lane["fence"], lane["turn"]) == (
        Standing.BUSY,
        turn.fence,
        turn.id,
    )


def fenced(turn: TurnRef) -> Fenced:
    """Return the error for a turn that lost its lane."""
    return Fenced(f'Turn "{turn.id}" with fence {turn.fence} does not hold its lane.')
