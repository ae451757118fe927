"""What a backup can not know of itself: whether what waited in it has gone out since."""

from __future__ import annotations

WHEN_RESTORED = (
    # As after a lost lease: whoever sends it looks first whether the platform shows it.
    """
    INSERT INTO audit (at, kind, subject, ref, data)
    SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000000, 'delivery.lost', conversation, id,
        json_object('fence', outbox.fence)
    FROM delivery JOIN outbox USING (conversation) WHERE delivery.state < 2 ORDER BY delivery.seq
    """,
    "UPDATE delivery SET state = 2 WHERE state < 2",
)
"""Statements of one transaction, before a restored file is opened as a store."""
