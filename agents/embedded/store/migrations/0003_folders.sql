-- Folders of files that agents may look into.
CREATE TABLE folders (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    description  TEXT,
    instructions TEXT,
    metadata     TEXT NOT NULL,
    created_at   TEXT NOT NULL
);

CREATE TABLE files (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    folder_id  TEXT NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    mime       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    content    TEXT NOT NULL,
    error      TEXT,
    chunks     INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (folder_id, name)
);

CREATE TABLE file_chunks (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id    TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    first_line INTEGER NOT NULL,
    text       TEXT NOT NULL
);
CREATE INDEX file_chunks_by_file ON file_chunks (file_id);

CREATE VIRTUAL TABLE file_words USING fts5 (
    text, content = 'file_chunks', content_rowid = 'position', tokenize = 'porter unicode61'
);
CREATE TRIGGER chunk_added AFTER INSERT ON file_chunks BEGIN
    INSERT INTO file_words (rowid, text) VALUES (new.position, new.text);
END;
CREATE TRIGGER chunk_removed AFTER DELETE ON file_chunks BEGIN
    INSERT INTO file_words (file_words, rowid, text) VALUES ('delete', old.position, old.text);
END;

CREATE TABLE agent_folders (
    agent_id  TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    folder_id TEXT NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    PRIMARY KEY (agent_id, folder_id)
) WITHOUT ROWID;
