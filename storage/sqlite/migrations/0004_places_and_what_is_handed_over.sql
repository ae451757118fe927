-- Places that one process at a time holds, such as Discord's gateway connection.
CREATE TABLE lease (
    place TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Verified requests that no worker has read yet.
CREATE TABLE handed (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    headers TEXT NOT NULL,              -- JSON: pairs of name and value
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;
