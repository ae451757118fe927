-- Workspaces that have let the app in by OAuth.
CREATE TABLE installation (
    platform text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,                  -- tokens and all, encrypted by the adapter
    installed_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (platform, workspace)
);

-- Installations under way: digests of states that somebody may bring back, once.
CREATE TABLE install_state (
    digest text COLLATE "C" PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
