-- Tool calls that wait for somebody's yes. What never changes is in `details`, as JSON.
CREATE TABLE approval (
    id text COLLATE "C" PRIMARY KEY,
    conversation text COLLATE "C" NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL,                    -- waiting | approved | denied | expired
    decided_by text NOT NULL,               -- display name
    decided_at timestamptz,
    details text NOT NULL
);
CREATE INDEX approval_due ON approval (expires_at, id) WHERE state = 'waiting';
CREATE INDEX approval_waiting ON approval (conversation, asked_at) WHERE state = 'waiting';
CREATE INDEX approval_decided ON approval (decided_at) WHERE decided_at IS NOT NULL;

-- A call with an external effect is written down before it is made.
ALTER TABLE tool_result ADD COLUMN is_intent boolean NOT NULL DEFAULT false;
-- Buttons and files that go with the answer, as JSON; NULL for most.
ALTER TABLE tool_result ADD COLUMN extras text;
