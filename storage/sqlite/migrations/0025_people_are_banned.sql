-- Accounts that are turned away, for a while or for good.
CREATE TABLE ban (
    platform TEXT NOT NULL,
    workspace TEXT NOT NULL,
    account TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,                      -- NULL: for good
    banned_by TEXT NOT NULL,            -- an identity key, or operator
    is_silent INTEGER NOT NULL,
    PRIMARY KEY (platform, workspace, account)
) STRICT, WITHOUT ROWID;
