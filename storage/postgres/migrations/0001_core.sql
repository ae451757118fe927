-- The durable core. Ids are compared byte by byte ("C"), whatever the database's language.
-- A partial index is used only by a query whose conditions imply its own.

-- Messages and deliveries share one sequence, so that a history has one cursor.
CREATE SEQUENCE place AS bigint;

-- Messages in.
CREATE TABLE inbox (
    seq bigint PRIMARY KEY,
    key text COLLATE "C" NOT NULL UNIQUE,   -- platform:workspace:event id
    conversation text COLLATE "C" NOT NULL,
    lane text COLLATE "C",                  -- NULL when refused
    person text COLLATE "C" NOT NULL,
    sender_platform text COLLATE "C" NOT NULL,
    sender_workspace text COLLATE "C" NOT NULL,
    sender_account text COLLATE "C" NOT NULL,
    sender_name text NOT NULL,
    kind text NOT NULL,
    text text NOT NULL,                     -- emptied by retention
    sent_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    target text,
    handle text,
    is_private boolean NOT NULL,
    attachments text,                       -- JSON list, NULL without any
    state smallint NOT NULL,                -- 0 waiting | 1 in its turn | 3 refused | 4 withdrawn
    turn text COLLATE "C",                  -- the message is done when this turn has ended
    reply text COLLATE "C"                  -- the delivery that answers a refused message
);
CREATE INDEX inbox_waiting ON inbox (lane, seq, conversation) WHERE state = 0;
CREATE INDEX inbox_turn ON inbox (turn, seq) WHERE turn IS NOT NULL;
CREATE INDEX inbox_conversation ON inbox (conversation, seq);

-- Lanes: what is claimed, so that no claim ever scans messages. Rows change often: keep room.
CREATE TABLE mailbox (
    lane text COLLATE "C" PRIMARY KEY,
    state smallint NOT NULL,                -- 0 idle | 1 ready | 2 busy
    ready_at timestamptz,                   -- while busy: when what waits behind the turn is ripe
    first_at timestamptz,                   -- when the oldest waiting message came
    owner text,
    fence bigint NOT NULL,
    lease_until timestamptz,
    turn text COLLATE "C"                   -- the open turn, also while it is postponed
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX mailbox_ready ON mailbox (ready_at, lane) WHERE state = 1;
CREATE INDEX mailbox_busy ON mailbox (lease_until) WHERE state = 2;

CREATE TABLE turn (
    id text COLLATE "C" PRIMARY KEY,
    lane text COLLATE "C" NOT NULL,
    person text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    state text NOT NULL,                    -- running | done | failed | cancelled
    attempt integer NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    error text,
    runs text[] NOT NULL,                   -- one run id per round
    was_noticed boolean NOT NULL,
    answers text[],                         -- delivery ids, NULL while it is open
    is_kept boolean NOT NULL                -- true from its end until retention
);
CREATE INDEX turn_kept ON turn (ended_at) WHERE is_kept;
CREATE INDEX turn_failed ON turn (id) WHERE state = 'failed';

CREATE TABLE tool_result (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    turn text COLLATE "C" NOT NULL,
    call text COLLATE "C" NOT NULL,
    text text NOT NULL,
    is_error boolean NOT NULL,
    UNIQUE (turn, call)
);

-- Messages out.
CREATE TABLE delivery (
    seq bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    conversation text COLLATE "C" NOT NULL,
    text text NOT NULL,                     -- empty: taken back, or emptied by retention
    turn text COLLATE "C",
    idx integer NOT NULL,
    is_draft boolean NOT NULL,
    revision integer NOT NULL,
    state smallint NOT NULL,                -- 0 pending | 1 sending | 2 unknown | 3 sent | 4 failed
    attempts integer NOT NULL,
    next_at timestamptz NOT NULL,
    receipt text,
    error text,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,                 -- NULL while it is open
    handle text,
    is_private boolean NOT NULL
);
CREATE INDEX delivery_open ON delivery (conversation, seq) WHERE state < 3;
-- Its conditions keep it from ever being taken for the one above, which holds a few rows only.
CREATE INDEX delivery_conversation ON delivery (conversation, seq)
    WHERE NOT is_draft AND text <> '' AND state <> 4;
CREATE INDEX delivery_drafts ON delivery (turn, idx) WHERE is_draft;
CREATE INDEX delivery_settled ON delivery (settled_at) WHERE settled_at IS NOT NULL AND text <> '';
CREATE INDEX delivery_failed ON delivery (seq) WHERE state = 4;

-- Conversations that have, or had, something to send: what is claimed.
CREATE TABLE outbox (
    conversation text COLLATE "C" PRIMARY KEY,
    platform text COLLATE "C" NOT NULL,
    state smallint NOT NULL,                -- 0 idle | 1 ready | 2 busy
    ready_at timestamptz,
    owner text,
    fence bigint NOT NULL,
    lease_until timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX outbox_ready ON outbox (platform, ready_at, conversation) WHERE state = 1;
CREATE INDEX outbox_busy ON outbox (lease_until) WHERE state = 2;

-- People.
CREATE TABLE person (
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE identity (
    platform text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    person text COLLATE "C" NOT NULL REFERENCES person (id),
    PRIMARY KEY (platform, workspace, account)
);

CREATE TABLE pairing (
    code_hash text COLLATE "C" PRIMARY KEY,
    platform text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    name text NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    is_allowed boolean                      -- NULL while nobody decided
);
CREATE INDEX pairing_waiting ON pairing (expires_at) WHERE is_allowed IS NULL;
CREATE INDEX pairing_identity ON pairing (platform, workspace, account);

CREATE TABLE binding (
    person text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    agent text,                             -- NULL: an intent
    intended_at timestamptz NOT NULL,
    PRIMARY KEY (person, role)
);

CREATE TABLE session (
    agent text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    thread text NOT NULL,
    PRIMARY KEY (agent, conversation)
);

-- Time.
CREATE TABLE schedule (
    id text COLLATE "C" PRIMARY KEY,
    timing text NOT NULL,
    zone text NOT NULL,
    next_at timestamptz,
    is_paused boolean NOT NULL,
    revision integer NOT NULL,
    slot_at timestamptz,                    -- the slot behind next_at, where it waits
    conversation text COLLATE "C",          -- where it wakes somebody
    details text NOT NULL                   -- JSON: what it wakes, and by which rules
);
CREATE INDEX schedule_due ON schedule (next_at, id) WHERE NOT is_paused;
CREATE INDEX schedule_conversation ON schedule (conversation, id) WHERE conversation IS NOT NULL;

CREATE TABLE fire (
    schedule text COLLATE "C" NOT NULL,
    due_at timestamptz NOT NULL,
    fired_at timestamptz NOT NULL,
    was_missed boolean NOT NULL,
    PRIMARY KEY (schedule, due_at)
);

-- What happened, in order; only ever added to.
CREATE TABLE audit (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz,
    kind text NOT NULL,
    subject text NOT NULL,
    ref text NOT NULL,
    data json NOT NULL                      -- not jsonb: kept as it was written
);
