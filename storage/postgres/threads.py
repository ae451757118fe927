"""The threads that an agent has had in a conversation: the table thread, beside session."""

from __future__ import annotations

from gateway.domain.audit import AuditKind
from gateway.domain.ids import AgentId, ConversationId, LaneId, SessionId
from gateway.domain.turns import Thread
from storage.postgres.database import Row, Transaction

REPLACE_SESSION = """
INSERT INTO session (agent, conversation, thread) VALUES ($1, $2, $3)
ON CONFLICT (agent, conversation) DO UPDATE SET thread = excluded.thread
"""
KEEP_FIRST_THREAD = """
INSERT INTO thread (agent, conversation, since, thread)
SELECT agent, conversation, 0, thread FROM session WHERE agent = $1 AND conversation = $2
    AND NOT EXISTS (SELECT 1 FROM thread WHERE agent = $1 AND conversation = $2)
"""
ADD_THREAD = """
INSERT INTO thread (agent, conversation, since, thread)
VALUES ($1, $2, coalesce((SELECT seq FROM inbox WHERE key = $3), 0), $4)
ON CONFLICT (agent, conversation, since) DO UPDATE SET thread = excluded.thread
"""
THREADS = """
WITH span AS (
    SELECT thread, since, lead(since, 1, 9223372036854775807) OVER (ORDER BY since) AS until
    FROM thread WHERE agent = $1 AND conversation = $2
), begun AS (
    SELECT thread, min(since) AS since, row_number() OVER (ORDER BY min(since)) AS number
    FROM span GROUP BY thread
)
SELECT begun.number, begun.thread, said.sent_at, said.text
FROM begun JOIN span ON span.since = begun.since
JOIN inbox AS said ON said.seq = (
    SELECT seq FROM inbox
    WHERE conversation = $2 AND seq >= span.since AND seq < span.until AND lane = $3
        AND kind IN ('text', 'edit') AND state < 3
    ORDER BY seq LIMIT 1
)
ORDER BY begun.number DESC LIMIT $4
"""


async def switch(
    tx: Transaction, agent: AgentId, conversation: ConversationId, thread: SessionId, begun_by: str
) -> None:
    """Make the thread the present one, and note from which message on it is."""
    await tx.count(KEEP_FIRST_THREAD, agent, conversation)
    await tx.count(ADD_THREAD, agent, conversation, begun_by, thread)
    await tx.count(REPLACE_SESSION, agent, conversation, thread)
    tx.log(AuditKind.SESSION_BOUND, None, conversation, agent, {"thread": thread})


def threads_of(
    agent: AgentId, conversation: ConversationId, lane: LaneId, limit: int
) -> tuple[str, str, str, str, int]:
    """Return the statement that lists threads, newest first, and what it asks for."""
    return THREADS, agent, conversation, lane, limit


def to_thread(row: Row) -> Thread:
    """Read a row of THREADS."""
    return Thread(*row)
