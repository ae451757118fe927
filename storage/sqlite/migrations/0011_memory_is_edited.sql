-- What people changed of their agents' core memory, to be undone.
CREATE TABLE memory_edit (
    agent TEXT NOT NULL,
    label TEXT NOT NULL,
    at INTEGER NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (agent, label, at)
) STRICT, WITHOUT ROWID;
