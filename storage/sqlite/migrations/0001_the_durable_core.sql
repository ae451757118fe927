-- The durable core. Moments are microseconds since 1970-01-01 UTC.
-- A partial index is used only by a query that repeats its condition word for word.

PRAGMA application_id = 1349481332;

-- Messages in. `inbox` and `delivery` share one sequence, so that a history has one cursor.
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,           -- platform:workspace:event id
    conversation TEXT NOT NULL,
    lane TEXT,                          -- NULL when refused
    person TEXT NOT NULL,
    sender_platform TEXT NOT NULL,
    sender_workspace TEXT NOT NULL,
    sender_account TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,                 -- emptied by retention
    sent_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    target TEXT,
    handle TEXT,
    is_private INTEGER NOT NULL,
    attachments TEXT,                   -- JSON list, NULL without any
    state INTEGER NOT NULL,             -- 0 waiting | 1 in its turn | 3 refused | 4 withdrawn
    turn TEXT,                          -- the message is done when this turn has ended
    reply TEXT                          -- the delivery that answers a refused message
) STRICT;
CREATE INDEX inbox_waiting ON inbox (lane, seq, conversation) WHERE state = 0;
CREATE INDEX inbox_turn ON inbox (turn) WHERE turn IS NOT NULL;
CREATE INDEX inbox_conversation ON inbox (conversation, seq);

-- Lanes: what is claimed, so that no claim ever scans messages.
CREATE TABLE mailbox (
    lane TEXT PRIMARY KEY,
    state INTEGER NOT NULL,             -- 0 idle | 1 ready | 2 busy
    ready_at INTEGER,                   -- while busy: when what waits behind the turn is ripe
    first_at INTEGER,                   -- when the oldest waiting message came
    owner TEXT,
    fence INTEGER NOT NULL,
    lease_until INTEGER,
    turn TEXT                           -- the open turn, also while it is postponed
) STRICT, WITHOUT ROWID;
CREATE INDEX mailbox_ready ON mailbox (ready_at) WHERE state = 1;
CREATE INDEX mailbox_busy ON mailbox (lease_until) WHERE state = 2;

CREATE TABLE turn (
    id TEXT PRIMARY KEY,
    lane TEXT NOT NULL,
    person TEXT NOT NULL,
    conversation TEXT NOT NULL,
    state TEXT NOT NULL,                -- running | done | failed | cancelled
    attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    error TEXT,
    runs TEXT NOT NULL,                 -- JSON list, one run id per round
    was_noticed INTEGER NOT NULL,
    answers TEXT,                       -- JSON list of delivery ids
    is_kept INTEGER NOT NULL            -- 1 from its end until retention
) STRICT, WITHOUT ROWID;
CREATE INDEX turn_kept ON turn (ended_at) WHERE is_kept = 1;
CREATE INDEX turn_failed ON turn (id) WHERE state = 'failed';

CREATE TABLE tool_result (
    seq INTEGER PRIMARY KEY,
    turn TEXT NOT NULL,
    call TEXT NOT NULL,
    text TEXT NOT NULL,
    is_error INTEGER NOT NULL,
    UNIQUE (turn, call)
) STRICT;

-- Messages out.
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL,
    text TEXT NOT NULL,                 -- empty: taken back, or emptied by retention
    turn TEXT,
    idx INTEGER NOT NULL,
    is_draft INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    state INTEGER NOT NULL,             -- 0 pending | 1 sending | 2 unknown | 3 sent | 4 failed
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    receipt TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,                 -- NULL while it is open
    handle TEXT,
    is_private INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_open ON delivery (conversation, seq) WHERE state < 3;
CREATE INDEX delivery_conversation ON delivery (conversation, seq);
CREATE INDEX delivery_drafts ON delivery (turn, idx) WHERE is_draft = 1;
CREATE INDEX delivery_settled ON delivery (settled_at) WHERE settled_at IS NOT NULL AND text <> '';
CREATE INDEX delivery_failed ON delivery (seq) WHERE state = 4;

-- Conversations that have, or had, something to send: what is claimed.
CREATE TABLE outbox (
    conversation TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    state INTEGER NOT NULL,             -- 0 idle | 1 ready | 2 busy
    ready_at INTEGER,
    owner TEXT,
    fence INTEGER NOT NULL,
    lease_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_ready ON outbox (platform, ready_at) WHERE state = 1;
CREATE INDEX outbox_busy ON outbox (lease_until) WHERE state = 2;

-- People.
CREATE TABLE person (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE identity (
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    account TEXT NOT NULL,
    person TEXT NOT NULL REFERENCES person (id),
    PRIMARY KEY (platform, workspace, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE pairing (
    code_hash TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    is_allowed INTEGER                  -- NULL while nobody decided
) STRICT, WITHOUT ROWID;
CREATE INDEX pairing_waiting ON pairing (expires_at) WHERE is_allowed IS NULL;
CREATE INDEX pairing_identity ON pairing (platform, workspace, account);

CREATE TABLE binding (
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    agent TEXT,                         -- NULL: an intent
    intended_at INTEGER NOT NULL,
    PRIMARY KEY (person, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    agent TEXT NOT NULL,
    conversation TEXT NOT NULL,
    thread TEXT NOT NULL,
    PRIMARY KEY (agent, conversation)
) STRICT, WITHOUT ROWID;

-- Time.
CREATE TABLE schedule (
    id TEXT PRIMARY KEY,
    timing TEXT NOT NULL,
    zone TEXT NOT NULL,
    next_at INTEGER,
    is_paused INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX schedule_due ON schedule (next_at) WHERE is_paused = 0;

CREATE TABLE fire (
    schedule TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    fired_at INTEGER NOT NULL,
    was_missed INTEGER NOT NULL,
    PRIMARY KEY (schedule, due_at)
) STRICT, WITHOUT ROWID;

-- What happened, in order; only ever added to.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    ref TEXT NOT NULL,
    data TEXT NOT NULL                  -- JSON
) STRICT;
