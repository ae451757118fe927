-- What agents ask each other. All of it is in `details`, as JSON, beside what queries need.
CREATE TABLE errand (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    parent TEXT,                        -- the errand on whose behalf it was asked
    root TEXT NOT NULL,                 -- what a person's words led to has one root
    person TEXT NOT NULL,
    role TEXT NOT NULL,                 -- who is asked
    standing INTEGER NOT NULL,          -- 0 open, 1 ended, 2 ended and heard
    expires_at INTEGER NOT NULL,
    details TEXT NOT NULL
) STRICT;
CREATE INDEX errand_parent ON errand (parent, seq) WHERE parent IS NOT NULL;
CREATE INDEX errand_root ON errand (root);
CREATE INDEX errand_person ON errand (person, role);
CREATE INDEX errand_open ON errand (expires_at, id) WHERE standing = 0;
