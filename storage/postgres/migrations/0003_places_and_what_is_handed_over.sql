-- Places that one process at a time holds, such as Discord's gateway connection.
CREATE TABLE lease (
    place text COLLATE "C" PRIMARY KEY,
    holder text NOT NULL,
    fence bigint NOT NULL,
    until timestamptz NOT NULL
);

-- Verified requests that no worker has read yet.
CREATE TABLE handed (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path text NOT NULL,
    headers text NOT NULL,                  -- JSON: pairs of name and value
    body bytea NOT NULL,
    received_at timestamptz NOT NULL
);
