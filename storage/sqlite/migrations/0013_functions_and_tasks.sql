-- Functions that were deployed, and their runs.
CREATE TABLE compute_function (
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    source TEXT NOT NULL,
    limits TEXT NOT NULL,
    deployed_at INTEGER NOT NULL,
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE INDEX compute_function_newest ON compute_function (name, deployed_at);

CREATE TABLE task (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    batch TEXT,
    details TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    owner TEXT,
    lease_until INTEGER,
    outcome TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    notices INTEGER NOT NULL,
    notice_at INTEGER
) STRICT;

CREATE INDEX task_waiting ON task (seq) WHERE state = 0;
CREATE INDEX task_running ON task (lease_until) WHERE state = 1;
CREATE INDEX task_of_batch ON task (batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX task_to_tell ON task (notice_at) WHERE notice_at IS NOT NULL;
CREATE INDEX task_over ON task (ended_at) WHERE state > 1;
