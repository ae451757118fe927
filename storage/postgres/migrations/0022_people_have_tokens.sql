-- Tokens by which programs speak for an account; while code_until is set, the code for one.
CREATE TABLE api_token (
    id text COLLATE "C" PRIMARY KEY,
    secret_hash text COLLATE "C" NOT NULL UNIQUE,
    platform text COLLATE "C" NOT NULL,
    workspace text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    made_at timestamptz NOT NULL,
    code_until timestamptz
);
CREATE INDEX api_token_account ON api_token (platform, workspace, account);
