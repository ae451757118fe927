-- Agents, their memory, their conversations and the runs that answer in them.

CREATE TABLE agents (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    agent_type TEXT NOT NULL,
    system     TEXT NOT NULL,
    model      TEXT NOT NULL,
    settings   TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX agents_by_name ON agents (name);

CREATE TABLE agent_tags (
    agent_id TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    tag      TEXT NOT NULL,
    PRIMARY KEY (tag, agent_id)
) WITHOUT ROWID;
CREATE INDEX agent_tags_by_agent ON agent_tags (agent_id);

CREATE TABLE blocks (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    label       TEXT NOT NULL,
    value       TEXT NOT NULL,
    char_limit  INTEGER NOT NULL,
    description TEXT,
    read_only   INTEGER NOT NULL,
    metadata    TEXT NOT NULL,
    tags        TEXT NOT NULL
);
CREATE INDEX blocks_by_label ON blocks (label);

CREATE TABLE agent_blocks (
    agent_id TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    block_id TEXT NOT NULL REFERENCES blocks (id) ON DELETE CASCADE,
    label    TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (agent_id, label)
) WITHOUT ROWID;
CREATE INDEX agent_blocks_by_block ON agent_blocks (block_id);

CREATE TABLE tools (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    parameters  TEXT NOT NULL,
    tool_type   TEXT NOT NULL,
    source_code TEXT,
    tags        TEXT NOT NULL
);

CREATE TABLE agent_tools (
    agent_id TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    tool_id  TEXT NOT NULL REFERENCES tools (id) ON DELETE CASCADE,
    PRIMARY KEY (agent_id, tool_id)
) WITHOUT ROWID;

-- An agent's default conversation has the agent's own id.
CREATE TABLE conversations (
    position           INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 TEXT NOT NULL UNIQUE,
    agent_id           TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    summary            TEXT,
    archived           INTEGER NOT NULL DEFAULT 0,
    settings           TEXT NOT NULL,
    pending_message_id TEXT,
    created_at         TEXT NOT NULL,
    updated_at         TEXT NOT NULL,
    last_message_at    TEXT
);
CREATE INDEX conversations_by_agent ON conversations (agent_id, position);

CREATE TABLE runs (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    agent_id        TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    status          TEXT NOT NULL,
    request         TEXT NOT NULL,
    request_token   TEXT,
    stop_reason     TEXT,
    usage           TEXT NOT NULL,
    error           TEXT,
    generation      INTEGER NOT NULL DEFAULT 0,
    first_token_ns  INTEGER,
    created_at      TEXT NOT NULL,
    completed_at    TEXT
);
CREATE INDEX runs_by_conversation ON runs (conversation_id, position);
CREATE INDEX runs_by_agent ON runs (agent_id, position);
-- The conversation's lock: at most one run that has not ended.
CREATE UNIQUE INDEX one_active_run ON runs (conversation_id) WHERE status IN ('created', 'running');
-- Idempotency: one request, one run.
CREATE UNIQUE INDEX runs_by_request ON runs (conversation_id, request_token)
    WHERE request_token IS NOT NULL;

CREATE TABLE run_otids (
    otid   TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX run_otids_by_run ON run_otids (run_id);

-- What a run streamed, one compressed row per finished step.
CREATE TABLE run_events (
    run_id    TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    payload   BLOB NOT NULL,
    PRIMARY KEY (run_id, first_seq)
) WITHOUT ROWID;

CREATE TABLE messages (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    agent_id        TEXT NOT NULL,
    run_id          TEXT,
    step_id         TEXT,
    otid            TEXT,
    name            TEXT,
    is_error        INTEGER NOT NULL DEFAULT 0,
    body            TEXT NOT NULL,
    created_at      TEXT NOT NULL
);
CREATE INDEX messages_by_conversation ON messages (conversation_id, position);
CREATE INDEX messages_by_run ON messages (run_id, position);
CREATE INDEX messages_by_agent ON messages (agent_id, position);

CREATE TABLE passages (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    agent_id   TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    text       TEXT NOT NULL,
    tags       TEXT NOT NULL,
    metadata   TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX passages_by_agent ON passages (agent_id, position);

CREATE VIRTUAL TABLE passage_words USING fts5 (
    text, content = 'passages', content_rowid = 'position', tokenize = 'porter unicode61'
);
CREATE TRIGGER passage_added AFTER INSERT ON passages BEGIN
    INSERT INTO passage_words (rowid, text) VALUES (new.position, new.text);
END;
CREATE TRIGGER passage_removed AFTER DELETE ON passages BEGIN
    INSERT INTO passage_words (passage_words, rowid, text) VALUES ('delete', old.position, old.text);
END;
