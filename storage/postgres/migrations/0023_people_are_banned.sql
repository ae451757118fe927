-- Accounts that are turned away, for a while or for good.
CREATE TABLE ban (
    platform text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,                  -- NULL: for good
    banned_by text NOT NULL,            -- an identity key, or operator
    is_silent boolean NOT NULL,
    PRIMARY KEY (platform, workspace, account)
);
