-- What people changed of their agents' core memory, to be undone.
CREATE TABLE memory_edit (
    agent text NOT NULL,
    label text NOT NULL,
    at timestamptz NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    person text NOT NULL,
    PRIMARY KEY (agent, label, at)
);
