-- Tool calls that wait for somebody's yes. What never changes is in `details`, as JSON.
CREATE TABLE approval (
    id TEXT PRIMARY KEY,
    conversation TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL,                -- waiting | approved | denied | expired
    decided_by TEXT NOT NULL,           -- display name
    decided_at INTEGER,
    details TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_due ON approval (expires_at, id) WHERE state = 'waiting';
CREATE INDEX approval_waiting ON approval (conversation, asked_at) WHERE state = 'waiting';
CREATE INDEX approval_decided ON approval (decided_at) WHERE decided_at IS NOT NULL;

-- A call with an external effect is written down before it is made.
ALTER TABLE tool_result ADD COLUMN is_intent INTEGER NOT NULL DEFAULT 0;
-- Buttons and files that go with the answer, as JSON; NULL for most.
ALTER TABLE tool_result ADD COLUMN extras TEXT;
