-- Codes that are shown on one account and typed on another, and wrong ones that were typed.
CREATE TABLE link_offer (
    code_hash TEXT PRIMARY KEY,
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    account TEXT NOT NULL,
    conversation TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    is_replaced INTEGER NOT NULL DEFAULT 0,
    taken_platform TEXT,                -- the account that typed it
    taken_workspace TEXT,
    taken_account TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX link_offer_account ON link_offer (platform, workspace, account);

CREATE TABLE link_try (
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    account TEXT NOT NULL,
    tried_at INTEGER NOT NULL
) STRICT;
CREATE INDEX link_try_account ON link_try (platform, workspace, account);

CREATE INDEX identity_person ON identity (person);
