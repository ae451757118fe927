-- Tokens by which programs speak for an account; while code_until is set, the code for one.
CREATE TABLE api_token (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL UNIQUE,
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    account TEXT NOT NULL,
    label TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    code_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_token_account ON api_token (platform, workspace, account);
