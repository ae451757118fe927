"""The kinds of identifiers, so that one is never passed for another."""

from __future__ import annotations

from typing import NewType

ConversationId = NewType("ConversationId", str)
"""Readable: `slack:T1:C2:171.5`, `discord:dm:99`, `web:postern:ada`."""

PersonId = NewType("PersonId", str)
"""`person-<32 hex digits>`, derived from the person's first identity.

`place-<32 hex digits>` where a channel or a thread owns an agent.
"""

LaneId = NewType("LaneId", str)
"""`<person>/<role>` for a person's own agent, `<conversation>/<role>` for a shared one.

`channel/<conversation>/<role>` and `thread/<conversation>/<role>` for those of places.
"""

TurnId = NewType("TurnId", str)
"""`turn-<sequence number of its first message>`: the same turn keeps its id over all attempts."""

DeliveryId = NewType("DeliveryId", str)
"""`<turn id>.<index>` for replies; any unique string for proactive posts."""

WorkerId = NewType("WorkerId", str)
"""Who holds a lease. On SQLite there is one worker per data directory, always called `local`."""

AgentId = NewType("AgentId", str)
"""The id that the agent runtime gave to an agent (`agent-<uuid>` in Letta)."""

SessionId = NewType("SessionId", str)
"""The id that the agent runtime gave to one thread of an agent (a Letta conversation)."""

BlockId = NewType("BlockId", str)
"""The id that the agent runtime gave to a memory block (`block-<uuid>` in Letta)."""

RunId = NewType("RunId", str)
"""The id that the agent runtime gave to one run; streams are resumed by it."""

PlatformMessageId = NewType("PlatformMessageId", str)
"""The id under which a platform shows a message; the receipt of a delivery."""
