-- What agents ask each other. All of it is in `details`, as JSON, beside what queries need.
CREATE TABLE errand (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    parent text,                        -- the errand on whose behalf it was asked
    root text NOT NULL,                 -- what a person's words led to has one root
    person text NOT NULL,
    role text NOT NULL,                 -- who is asked
    standing integer NOT NULL,          -- 0 open, 1 ended, 2 ended and heard
    expires_at timestamptz NOT NULL,
    details text NOT NULL
);
CREATE INDEX errand_parent ON errand (parent, seq) WHERE parent IS NOT NULL;
CREATE INDEX errand_root ON errand (root);
CREATE INDEX errand_person ON errand (person, role);
CREATE INDEX errand_open ON errand (expires_at, id) WHERE standing = 0;
