-- Codes that are shown on one account and typed on another, and wrong ones that were typed.
CREATE TABLE link_offer (
    code_hash text COLLATE "C" PRIMARY KEY,
    platform text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    conversation text COLLATE "C" NOT NULL,
    asked_at timestamptz NOT NULL,
    is_replaced boolean NOT NULL DEFAULT false,
    taken_platform text COLLATE "C",        -- the account that typed it
    taken_workspace text COLLATE "C",
    taken_account text COLLATE "C"
);
CREATE INDEX link_offer_account ON link_offer (platform, workspace, account);

CREATE TABLE link_try (
    platform text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    tried_at timestamptz NOT NULL
);
CREATE INDEX link_try_account ON link_try (platform, workspace, account);

CREATE INDEX identity_person ON identity (person);
