-- Workspaces that have let the app in by OAuth.
CREATE TABLE installation (
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    sealed BLOB NOT NULL,               -- tokens and all, encrypted by the adapter
    installed_at INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (platform, workspace)
) STRICT, WITHOUT ROWID;

-- Installations under way: digests of states that somebody may bring back, once.
CREATE TABLE install_state (
    digest TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
