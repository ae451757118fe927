-- Functions that were deployed, and their runs.
CREATE TABLE compute_function (
    name text NOT NULL,
    version text NOT NULL,
    source text NOT NULL,
    limits text NOT NULL,
    deployed_at timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE INDEX compute_function_newest ON compute_function (name, deployed_at);

CREATE TABLE task (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    batch text,
    details text NOT NULL,
    state smallint NOT NULL,
    attempts integer NOT NULL,
    fence integer NOT NULL,
    owner text,
    lease_until timestamptz,
    outcome text,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    notices integer NOT NULL,
    notice_at timestamptz
);

CREATE INDEX task_waiting ON task (seq) WHERE state = 0;
CREATE INDEX task_running ON task (lease_until) WHERE state = 1;
CREATE INDEX task_of_batch ON task (batch, seq) WHERE batch IS NOT NULL;
CREATE INDEX task_to_tell ON task (notice_at) WHERE notice_at IS NOT NULL;
CREATE INDEX task_over ON task (ended_at) WHERE state > 1;
